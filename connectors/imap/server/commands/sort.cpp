#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/envelope_scan.h"
#include "connectors/imap/server/search_scan.h"
#include "connectors/imap/server/sort_keys.h"

#include <algorithm>
#include <optional>

namespace mailstead::imap::commands {
namespace {

class SortTask final : public Task {
 public:
  SortTask(Conversation& session, bool by_uid, std::vector<SortCriterion> criteria, SearchKey root)
      : session_(session),
        by_uid_(by_uid),
        criteria_(std::move(criteria)),
        says_modseq_(asks_modseq(root)),
        scan_(session, std::move(root)) {}

  Step run(std::string& output) override {
    if (!envelopes_) {
      if (scan_.advance()) envelopes_.emplace(session_, scan_.found(), row_maker());
      return Step::kMore;
    }
    if (!sorted_) {
      if (envelopes_->advance()) {
        if (envelopes_->too_much()) return done(Answer::Kind::kNo, "[LIMIT] Too many messages to sort at once.");
        sort_rows(criteria_, rows_);
        sorted_ = true;
      }
      return Step::kMore;
    }
    return say(output);
  }

  [[nodiscard]] bool mid_response() const noexcept override { return begun_; }

 private:
  EnvelopeScan::Visit row_maker() {
    return [this](std::uint32_t position, const mail::Envelope& envelope) {
      const storage::Entry& entry = session_.view().entry(position);
      rows_.push_back(sort_row(criteria_, position, entry, envelope));
      modseq_ = std::max(modseq_, entry.modseq);
      return octets_of(rows_.back());
    };
  }

  Step say(std::string& output) {
    if (!begun_) output += "* SORT";
    begun_ = true;
    for (; said_ < rows_.size(); ++said_) {
      if (output.size() > net::kOutputHighWater) return Step::kMore;
      std::uint32_t position = rows_[said_].position;
      output += ' ' + std::to_string(by_uid_ ? session_.view().entry(position).uid : position + 1);
    }
    if (says_modseq_ && modseq_ > 0) output += " (MODSEQ " + std::to_string(modseq_) + ')';
    output += "\r\n";
    begun_ = false;
    return done(Answer::Kind::kOk, "Sort completed.");
  }

  Conversation& session_;
  bool by_uid_;
  std::vector<SortCriterion> criteria_;
  bool says_modseq_;
  SearchScan scan_;
  std::optional<EnvelopeScan> envelopes_;
  std::vector<SortRow> rows_;
  storage::ModSeq modseq_ = 0;
  bool sorted_ = false, begun_ = false;
  std::size_t said_ = 0;
};

}  // namespace

// RFC 5256 §3.
Outcome sort(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  auto criteria = read_sort_criteria(arguments);
  arguments.expect_space();
  auto root = read_charset_and_keys(arguments);
  if (!root) return no("[BADCHARSET (US-ASCII UTF-8)] Unknown charset.");
  if (opens_too_often(*root)) return too_costly_search();
  if (asks_modseq(*root)) session.use_modseq(request.output);
  return std::make_unique<SortTask>(session, request.by_uid, std::move(criteria), std::move(*root));
}

}  // namespace mailstead::imap::commands
