#include "connectors/pop3/server/served_maildrop.h"

#include <fmt/format.h>

namespace mailstead::pop3 {

ServedMaildrop ServedMaildrop::open(const storage::MailStore& store, const std::string& user) {
  ServedMaildrop maildrop;
  auto inbox = store.find(user, "INBOX");
  if (!inbox) return maildrop;
  auto snapshot = store.open(inbox->id);
  if (!snapshot) return maildrop;
  maildrop.mailbox_ = inbox->id;
  maildrop.uid_validity_ = snapshot->mailbox.uid_validity;
  maildrop.entries_ = std::move(snapshot->entries);
  maildrop.marked_.resize(maildrop.entries_.size());
  for (const auto& entry : maildrop.entries_) maildrop.octets_ += entry.size;
  return maildrop;
}

const storage::Entry* ServedMaildrop::find(std::uint64_t number) const noexcept {
  if (number == 0 || number > entries_.size() || is_marked(number)) return nullptr;
  return &entries_[static_cast<std::size_t>(number - 1)];
}

bool ServedMaildrop::is_marked(std::uint64_t number) const noexcept {
  return number != 0 && number <= marked_.size() && marked_[static_cast<std::size_t>(number - 1)];
}

void ServedMaildrop::mark(std::uint32_t number) {
  const storage::Entry* entry = find(number);
  if (entry == nullptr) return;
  marked_[number - 1] = true;
  ++marked_count_;
  octets_ -= entry->size;
}

void ServedMaildrop::unmark_all() noexcept {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (marked_[i]) octets_ += entries_[i].size;
    marked_[i] = false;
  }
  marked_count_ = 0;
}

std::string ServedMaildrop::uidl(const storage::Entry& entry) const {
  return fmt::format("{:08x}{:08x}", uid_validity_, entry.uid);
}

std::uint32_t ServedMaildrop::remove_marked(storage::MailStore& store) {
  if (marked_count_ == 0) return 0;
  std::vector<storage::Uid> uids;
  uids.reserve(marked_count_);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (marked_[i]) uids.push_back(entries_[i].uid);
  }
  (void)store.expunge(mailbox_, uids, true);
  return marked_count_;
}

}  // namespace mailstead::pop3
