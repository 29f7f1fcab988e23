// The message of an APPEND on its way in: streamed to the content store and scanned as it comes, never whole in memory.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mail/flags.h"
#include "mail/scan.h"
#include "storage/content.h"
#include "storage/mail_store.h"

namespace mailstead::imap {

// What stands before the message: mailbox, flags, date (RFC 3501 §6.3.11).
struct AppendTarget {
  std::string mailbox;
  mail::Flags flags;
  std::optional<mail::WallTime> date;
};

// For a command text that ends in the announcement of a literal: what is to be appended if that literal is the message
// of an APPEND; nullopt when it is another one (a mailbox name). Throws Failure(kProtocol) when the flags or the date
// are wrong.
[[nodiscard]] std::optional<AppendTarget> parse_append(std::string_view text);

class IncomingMessage {
 public:
  IncomingMessage(AppendTarget target, storage::ContentStore& store, mail::ByteCount size);
  // Trouble of the store is kept for finish(): the peer sends its octets all the same.
  void feed(std::string_view bytes) noexcept;
  // The object is spent. Throws what went wrong on the way.
  [[nodiscard]] storage::NewContent finish();
  [[nodiscard]] const AppendTarget& target() const noexcept { return target_; }

 private:
  AppendTarget target_;
  std::unique_ptr<storage::IncomingContent> content_;
  mail::MessageScanner scanner_;
  std::exception_ptr trouble_;
};

}  // namespace mailstead::imap
