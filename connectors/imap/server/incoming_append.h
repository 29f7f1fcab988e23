// An APPEND on its way in: one message, or several that are kept all or not at all (MULTIAPPEND, RFC 3502). Or the one
// message of a REPLACE (RFC 8508).
//
// Its messages are taken out of the command's text as their literals are announced; what is left of each is "{n}\r\n".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/server/enabled.h"
#include "connectors/imap/server/incoming_message.h"
#include "mail/flags.h"

namespace mailstead::imap {

class IncomingAppend {
 public:
  // For a command text that ends in the announcement of a literal: nullptr when that is not the message of an APPEND
  // or REPLACE but another literal (a mailbox name). Throws Failure(kProtocol) when the flags or the date are wrong.
  [[nodiscard]] static std::unique_ptr<IncomingAppend> begin(std::string_view text, const Enabled& enabled);

  // The text has grown up to the announcement of another literal. Throws Failure(kProtocol) or (kLimit).
  void go_on(std::string_view text);
  [[nodiscard]] bool replaces() const noexcept { return replaces_; }
  [[nodiscard]] const std::string& mailbox() const noexcept { return mailbox_; }
  [[nodiscard]] mail::ByteCount octets() const noexcept { return octets_; }

  // The literal announced last is taken; what follows it will stand in the text from `behind` on.
  void open(storage::ContentStore& store, mail::ByteCount size, bool binary);
  void feed(std::string_view bytes) noexcept { messages_.back().content->feed(bytes); }
  void literal_ends_at(std::size_t behind) noexcept { behind_ = behind; }

  // The whole command is there. The object is spent; `now` is the date of messages without. Throws
  // Failure(kPermanent) when a literal8 holds a NUL: BODY[] could not hand it out as it is (RFC 3516 §4.2).
  [[nodiscard]] std::vector<storage::Upload> finish(std::string_view text, mail::WallTime now);

 private:
  struct Message {
    mail::Flags flags;
    std::optional<mail::WallTime> date;
    bool binary = false;
    bool in_utf8 = false;  // UTF8 (~{n} …) (RFC 6855 §4)
    std::unique_ptr<IncomingMessage> content;
  };
  explicit IncomingAppend(const Enabled& enabled) : enabled_(enabled) {}
  void read_options(Cursor& cursor);
  void end_message(Cursor& cursor) const;

  const Enabled enabled_;
  bool replaces_ = false;
  std::string mailbox_;
  std::vector<Message> messages_;
  mail::ByteCount octets_ = 0;
  std::size_t behind_ = 0;
};

}  // namespace mailstead::imap
