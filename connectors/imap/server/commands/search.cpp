#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/search_scan.h"

#include <algorithm>

namespace mailstead::imap::commands {
namespace {

using Range = SequenceSet::Range;

class SearchTask final : public Task {
 public:
  SearchTask(Conversation& session, const Request& request, SearchRequest search)
      : session_(session),
        by_uid_(request.by_uid),
        tag_(request.tag),
        result_(search.result),
        says_modseq_(asks_modseq(search.root)),
        scan_(session, std::move(search.root)) {
    // RFC 5182 §2.1: a SEARCH that ends with NO leaves the saved result empty.
    if (result_.save) session.view().save_result({});
  }

  Step run(std::string& output) override {
    if (!scanned_) {
      scanned_ = scan_.advance();
      return Step::kMore;
    }
    if (!gathered_) gather();
    if (!(result_.extended ? say_extended(output) : say_plain(output))) return Step::kMore;
    return done(Answer::Kind::kOk, result_.save ? "Search completed, result saved." : "Search completed.");
  }

  [[nodiscard]] bool mid_response() const noexcept override { return begun_; }

 private:
  [[nodiscard]] std::uint32_t number(std::uint32_t position) const {
    return by_uid_ ? session_.view().entry(position).uid : position + 1;
  }

  void gather() {
    gathered_ = true;
    std::vector<std::uint32_t> numbers;
    numbers.reserve(scan_.found().size());
    for (std::uint32_t position : scan_.found()) numbers.push_back(number(position));
    count_ = numbers.size();
    found_ = SequenceSet::of(std::move(numbers));
    if (says_modseq_) note_modseq();
    if (result_.save) save();
  }

  // The highest of what is said (RFC 4731 §3.2).
  void note_modseq() {
    const auto& positions = scan_.found();
    bool ends = result_.extended && (result_.min || result_.max) && !result_.all && !result_.count;
    for (std::uint32_t at : positions) {
      if (ends && !(result_.min && at == positions.front()) && !(result_.max && at == positions.back())) continue;
      modseq_ = std::max(modseq_, session_.view().entry(at).modseq);
    }
  }

  // RFC 5182 §2.4: with MIN or MAX and neither ALL nor COUNT only what was said is kept.
  void save() {
    const MailboxView& view = session_.view();
    std::vector<std::uint32_t> kept = scan_.found();
    if ((result_.min || result_.max) && !result_.all && !result_.count && !kept.empty()) {
      std::vector<std::uint32_t> ends;
      if (result_.min) ends.push_back(kept.front());
      if (result_.max) ends.push_back(kept.back());
      kept = std::move(ends);
    }
    for (std::uint32_t& position : kept) position = view.entry(position).uid;
    session_.view().save_result(SequenceSet::of(std::move(kept)));
  }

  // One line, as RFC 3501 §7.2.5 has it, in slices.
  bool say_plain(std::string& output) {
    if (!begun_) output += "* SEARCH";
    begun_ = true;
    for (; said_ < found_.ranges().size(); ++said_, next_ = 0) {
      const Range& range = found_.ranges()[said_];
      if (next_ == 0) next_ = range.first;
      for (; next_ <= range.last && next_ != 0; ++next_) {
        if (output.size() > net::kOutputHighWater) return false;
        output += ' ' + std::to_string(next_);
      }
    }
    if (modseq_ > 0) output += " (MODSEQ " + std::to_string(modseq_) + ')';
    return end_line(output);
  }

  // RFC 4731: * ESEARCH (TAG "…") UID MIN 2 MAX 47 COUNT 25 ALL 2,10:15
  bool say_extended(std::string& output) {
    if (result_.silent()) return true;
    const auto& ranges = found_.ranges();
    if (!begun_) {
      begun_ = true;
      output += "* ESEARCH (TAG ";
      append_string(output, tag_);
      output += by_uid_ ? ") UID" : ")";
      if (result_.min && count_ > 0) output += " MIN " + std::to_string(ranges.front().first);
      if (result_.max && count_ > 0) output += " MAX " + std::to_string(ranges.back().last);
      if (result_.count) output += " COUNT " + std::to_string(count_);
      if (result_.all && count_ > 0) output += " ALL ";
    }
    for (; result_.all && said_ < ranges.size(); ++said_) {
      if (output.size() > net::kOutputHighWater) return false;
      if (said_ > 0) output += ',';
      output += SequenceSet({ranges[said_]}).text();
    }
    if (modseq_ > 0) output += " MODSEQ " + std::to_string(modseq_);
    return end_line(output);
  }

  bool end_line(std::string& output) {
    output += "\r\n";
    begun_ = false;
    return true;
  }

  Conversation& session_;
  bool by_uid_;
  std::string tag_;
  SearchReturn result_;
  bool says_modseq_;
  storage::ModSeq modseq_ = 0;  // 0: not to be said
  SearchScan scan_;
  bool scanned_ = false, gathered_ = false, begun_ = false;
  SequenceSet found_;
  std::size_t count_ = 0;
  std::size_t said_ = 0;    // ranges
  std::uint32_t next_ = 0;  // of the range in hand; 0: its first
};

}  // namespace

Outcome search(Conversation& session, Request& request) {
  request.arguments.expect_space();
  SearchRequest search = read_search(request.arguments);
  // RFC 6855 §3: everything is in UTF-8 then.
  if (search.with_charset && session.enabled.utf8) reject("no CHARSET after ENABLE UTF8=ACCEPT");
  if (!search.charset_known) {
    if (search.result.save) session.view().save_result({});
    return no("[BADCHARSET (US-ASCII UTF-8)] Unknown charset.");
  }
  if (opens_too_often(search.root)) {
    if (search.result.save) session.view().save_result({});
    return too_costly_search();
  }
  if (asks_modseq(search.root)) session.use_modseq(request.output);
  // RFC 9051 §6.4.4: without RETURN it is RETURN (ALL).
  if (session.enabled.rev2 && !search.result.extended) search.result.extended = search.result.all = true;
  return std::make_unique<SearchTask>(session, request, std::move(search));
}

}  // namespace mailstead::imap::commands
