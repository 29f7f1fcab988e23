#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/search_match.h"

namespace mailstead::imap::commands {
namespace {

// What one slice may cost, so that a search of a large mailbox does not hold its worker: a message counts 1, looking
// into its facts 20, and every KiB read 1 more.
constexpr mail::ByteCount kSliceBudget = 20'000;
constexpr mail::ByteCount kFactsCost = 20;
constexpr std::size_t kBatch = 64;

class SearchTask final : public Task {
 public:
  SearchTask(Conversation& session, bool by_uid, SearchKey root)
      : session_(session), by_uid_(by_uid), root_(std::move(root)), needs_facts_(cost_of(root_) > 0) {
    resolve_numbers(root_, session.view());
  }

  Step run(std::string& output) override {
    if (next_ < session_.view().size()) {
      search_slice();
      return Step::kMore;
    }
    return say(output);
  }

 private:
  void search_slice() {
    const MailboxView& view = session_.view();
    mail::ByteCount spent = 0;
    for (; next_ < view.size() && spent < kSliceBudget; ++next_) {
      if (needs_facts_ && next_ == facts_end_) load_facts();
      SearchMatch match(view, next_, session_.context.store.content(),
                        needs_facts_ ? &facts_[next_ - facts_begin_] : nullptr);
      if (match.matches(root_))
        found_.push_back(by_uid_ ? view.entry(next_).uid : static_cast<std::uint32_t>(next_ + 1));
      spent += 1 + (needs_facts_ ? kFactsCost : 0) + match.octets_read() / 1024;
    }
  }

  void load_facts() {
    const MailboxView& view = session_.view();
    std::vector<storage::ContentId> contents;
    facts_begin_ = next_;
    facts_end_ = std::min(view.size(), next_ + kBatch);
    for (std::size_t i = facts_begin_; i < facts_end_; ++i) contents.push_back(view.entry(i).content);
    facts_ = session_.mail().stored(contents);
  }

  // One line, as RFC 3501 §7.2.5 has it, in slices.
  Step say(std::string& output) {
    if (!begun_) output += "* SEARCH";
    begun_ = true;
    while (said_ < found_.size()) {
      if (output.size() > net::kOutputHighWater) return Step::kMore;
      output += ' ' + std::to_string(found_[said_++]);
    }
    output += "\r\n";
    begun_ = false;
    return done(Answer::Kind::kOk, "Search completed.");
  }

 public:
  [[nodiscard]] bool mid_response() const noexcept override { return begun_; }

 private:
  Conversation& session_;
  bool by_uid_;
  SearchKey root_;
  bool needs_facts_;
  std::size_t next_ = 0, facts_begin_ = 0, facts_end_ = 0, said_ = 0;
  std::vector<std::optional<storage::StoredMessage>> facts_;
  std::vector<std::uint32_t> found_;
  bool begun_ = false;
};

}  // namespace

Outcome search(Conversation& session, Request& request) {
  request.arguments.expect_space();
  SearchRequest parsed = read_search(request.arguments);
  if (!parsed.charset_known) return no("[BADCHARSET (US-ASCII UTF-8)] Unknown charset.");
  return std::make_unique<SearchTask>(session, request.by_uid, std::move(parsed.root));
}

}  // namespace mailstead::imap::commands
