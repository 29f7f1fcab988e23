#include "connectors/imap/server/envelope_scan.h"

#include <algorithm>

#include "mail/date.h"

namespace mailstead::imap {
namespace {

constexpr std::size_t kSlice = 512;  // messages
constexpr std::size_t kMaxKept = 64 * 1024 * 1024;

}  // namespace

bool EnvelopeScan::advance() {
  const MailboxView& view = session_.view();
  std::size_t end = std::min(positions_.size(), next_ + kSlice);
  std::vector<storage::ContentId> contents;
  for (std::size_t i = next_; i < end; ++i) contents.push_back(view.entry(positions_[i]).content);
  auto stored = session_.mail().stored(contents);
  end = next_ + stored.size();
  for (std::size_t i = 0; next_ < end; ++i, ++next_) {
    std::optional<mail::Part> root;
    if (stored[i]) root = mail::decode_structure(stored[i]->structure);
    if (too_much()) return true;
    kept_ += visit_(positions_[next_], root && root->envelope ? *root->envelope : mail::Envelope{});
  }
  return next_ == positions_.size();
}

bool EnvelopeScan::too_much() const noexcept {
  return kept_ > kMaxKept;
}

std::int64_t sent_date(const mail::Envelope& envelope, const storage::Entry& entry) {
  auto date = mail::parse_date(envelope.date);
  return (date ? date->utc : entry.internal_date).time_since_epoch().count();
}

}  // namespace mailstead::imap
