#include "connectors/imap/server/search_scan.h"

#include <algorithm>

#include "connectors/imap/server/search_match.h"

namespace mailstead::imap {
namespace {

// What one slice may cost, so that a search of a large mailbox does not hold its worker: a message counts 1, looking
// into its facts 20, and every KiB read 1 more.
constexpr mail::ByteCount kSliceBudget = 20'000;
constexpr mail::ByteCount kFactsCost = 20;
// Messages whose facts are read at once, and those that are looked at to find them.
constexpr std::size_t kBatch = 64;
constexpr std::size_t kLookAhead = 4096;
constexpr std::size_t kWorthAsking = 200;

}  // namespace

SearchScan::SearchScan(Conversation& session, SearchKey root) : session_(session), root_(std::move(root)) {
  // A small mailbox is read sooner than an index of everybody's mail is asked.
  const auto* index = session.view().size() > kWorthAsking ? session.context.store.search_index() : nullptr;
  resolve(root_, session.view(), session.context.clock.wall(), index);
}

bool SearchScan::advance() {
  const MailboxView& view = session_.view();
  mail::ByteCount spent = 0;
  while (spent < kSliceBudget) {
    if (at_ == pending_.size()) {
      if (next_ == view.size()) return true;
      spent += look_ahead();
      continue;
    }
    const Pending& one = pending_[at_++];
    if (!one.open) {
      found_.push_back(one.position);
      continue;
    }
    SearchMatch match(view, one.position, session_.context.store.content(), &facts_[facts_at_++]);
    if (match.matches(root_)) found_.push_back(one.position);
    spent += kFactsCost + match.octets_read() / 1024;
  }
  return false;
}

mail::ByteCount SearchScan::look_ahead() {
  const MailboxView& view = session_.view();
  const std::size_t begin = next_;
  const std::size_t end = std::min(view.size(), begin + kLookAhead);
  std::vector<storage::ContentId> contents;
  pending_.clear();
  for (; next_ < end && contents.size() < kBatch; ++next_) {
    SearchMatch match(view, next_, session_.context.store.content(), nullptr);
    const std::optional<bool> decided = match.matches_by_entry(root_);
    if (decided == false) continue;
    pending_.push_back({static_cast<std::uint32_t>(next_), !decided});
    if (!decided) contents.push_back(view.entry(next_).content);
  }
  at_ = facts_at_ = 0;
  facts_.clear();
  if (!contents.empty()) facts_ = session_.mail().stored(contents);
  if (facts_.size() < contents.size()) leave_out_those_without_facts();
  return next_ - begin;
}

// They are looked at again.
void SearchScan::leave_out_those_without_facts() {
  std::size_t with_facts = 0;
  const auto first = std::find_if(pending_.begin(), pending_.end(),
                                  [&](const Pending& one) { return one.open && with_facts++ == facts_.size(); });
  next_ = first->position;
  pending_.erase(first, pending_.end());
}

}  // namespace mailstead::imap
