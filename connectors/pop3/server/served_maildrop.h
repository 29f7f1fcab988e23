// A user's INBOX as POP3 sees it: frozen at sign-in, numbered from 1, with marks for deletion (RFC 1939 §5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/mail_store.h"

namespace mailstead::pop3 {

class ServedMaildrop {
 public:
  // An INBOX that does not exist is an empty maildrop. Throws Failure(kStorage).
  [[nodiscard]] static ServedMaildrop open(const storage::MailStore& store, const std::string& user);

  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(entries_.size()); }
  // By message number; nullptr when there is none, or it is marked.
  [[nodiscard]] const storage::Entry* find(std::uint64_t number) const noexcept;
  [[nodiscard]] bool is_marked(std::uint64_t number) const noexcept;
  void mark(std::uint32_t number);
  void unmark_all() noexcept;
  // The unique-id: UIDVALIDITY and UID in hex. Never the same for two messages of one mailbox, at any time.
  [[nodiscard]] std::string uidl(const storage::Entry& entry) const;

  [[nodiscard]] std::uint32_t messages() const noexcept { return size() - marked_count_; }  // unmarked ones
  [[nodiscard]] mail::ByteCount octets() const noexcept { return octets_; }                 // of the unmarked ones

  // The UPDATE state: removes what is marked; how many. Those that an IMAP session removed meanwhile count as done.
  // Throws Failure(kStorage).
  std::uint32_t remove_marked(storage::MailStore& store);

 private:
  storage::MailboxId mailbox_ = 0;
  std::uint32_t uid_validity_ = 0;
  std::vector<storage::Entry> entries_;
  std::vector<bool> marked_;
  std::uint32_t marked_count_ = 0;
  mail::ByteCount octets_ = 0;
};

}  // namespace mailstead::pop3
