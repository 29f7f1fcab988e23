#include "connectors/imap/server/search_scan.h"

#include <algorithm>

#include "connectors/imap/server/search_match.h"

namespace mailstead::imap {
namespace {

// What one slice may cost, so that a search of a large mailbox does not hold its worker: a message counts 1, looking
// into its facts 20, and every KiB read 1 more.
constexpr mail::ByteCount kSliceBudget = 20'000;
constexpr mail::ByteCount kFactsCost = 20;
constexpr std::size_t kBatch = 64;

}  // namespace

SearchScan::SearchScan(Conversation& session, SearchKey root)
    : session_(session), root_(std::move(root)), needs_facts_(cost_of(root_) > 0) {
  resolve(root_, session.view(), session.context.clock.wall());
}

bool SearchScan::advance() {
  const MailboxView& view = session_.view();
  mail::ByteCount spent = 0;
  for (; next_ < view.size() && spent < kSliceBudget; ++next_) {
    if (needs_facts_ && next_ == facts_end_) load_facts();
    SearchMatch match(view, next_, session_.context.store.content(),
                      needs_facts_ ? &facts_[next_ - facts_begin_] : nullptr);
    if (match.matches(root_)) found_.push_back(static_cast<std::uint32_t>(next_));
    spent += 1 + (needs_facts_ ? kFactsCost : 0) + match.octets_read() / 1024;
  }
  return next_ == view.size();
}

void SearchScan::load_facts() {
  const MailboxView& view = session_.view();
  std::vector<storage::ContentId> contents;
  facts_begin_ = next_;
  facts_end_ = std::min(view.size(), next_ + kBatch);
  for (std::size_t i = facts_begin_; i < facts_end_; ++i) contents.push_back(view.entry(i).content);
  facts_ = session_.mail().stored(contents);
}

}  // namespace mailstead::imap
