#include "connectors/imap/server/incoming_message.h"

#include "connectors/imap/codec/date_time.h"
#include "connectors/imap/server/arguments.h"
#include "mail/ascii.h"
#include "mail/header.h"

namespace mailstead::imap {

std::optional<AppendTarget> parse_append(std::string_view text) {
  std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  Cursor cursor(text.substr(blank + 1));
  if (!cursor.try_word("APPEND") || !cursor.try_char(' ')) return std::nullopt;
  // The mailbox's own literal is not in the text yet.
  if (cursor.peek() == '{' && text.find("}\r\n") == std::string_view::npos) return std::nullopt;
  AppendTarget target;
  target.mailbox = read_mailbox(cursor);
  cursor.expect_space();
  if (cursor.peek() == '(') {
    target.flags = read_flag_list(cursor);
    cursor.expect_space();
  }
  if (cursor.peek() == '"') {
    std::string quoted = cursor.expect_string();
    auto date = parse_date_time(quoted);
    if (!date) reject("that is not a date-time");
    target.date = date->utc;
    cursor.expect_space();
  }
  if (cursor.peek() != '{' && cursor.peek() != '~') reject("expected the message as a literal");
  return target;
}

IncomingMessage::IncomingMessage(AppendTarget target, storage::ContentStore& store, mail::ByteCount size)
    : target_(std::move(target)), content_(store.begin(size)) {}

void IncomingMessage::feed(std::string_view bytes) noexcept {
  if (trouble_) return;
  try {
    content_->append(bytes);
    scanner_.feed(bytes);
  } catch (...) {
    trouble_ = std::current_exception();
    content_.reset();  // what was spooled goes at once
  }
}

storage::NewContent IncomingMessage::finish() {
  if (trouble_) std::rethrow_exception(trouble_);
  mail::MessageFacts facts = scanner_.finish();
  storage::NewContent result;
  result.bytes = content_->finish();
  result.digest = facts.content;
  result.header_size = facts.structure.body_offset;
  result.structure = mail::encode_structure(facts.structure);
  return result;
}

}  // namespace mailstead::imap
