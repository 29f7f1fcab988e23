#include "connectors/imap/server/incoming_append.h"

#include "connectors/imap/codec/date_time.h"
#include "connectors/imap/server/arguments.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

constexpr std::size_t kMaxMessages = 100;  // each may hold a spool file open

// Behind "APPEND ", "REPLACE set " and "UID REPLACE set ".
bool at_message_of_append(Cursor& cursor, bool& replaces) {
  if (cursor.try_word("APPEND")) return cursor.try_char(' ');
  if (cursor.try_word("UID") && !cursor.try_char(' ')) return false;
  if (!cursor.try_word("REPLACE") || !cursor.try_char(' ')) return false;
  replaces = true;
  if (!cursor.try_char('*') && !cursor.try_number(UINT32_MAX)) return false;
  return cursor.try_char(' ');
}

}  // namespace

std::unique_ptr<IncomingAppend> IncomingAppend::begin(std::string_view text, const Enabled& enabled) {
  std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return nullptr;
  Cursor cursor(text.substr(blank + 1));
  bool replaces = false;
  if (!at_message_of_append(cursor, replaces)) return nullptr;
  // The mailbox's own literal is not in the text yet.
  if (cursor.peek() == '{' && text.find("}\r\n") == std::string_view::npos) return nullptr;
  std::unique_ptr<IncomingAppend> append(new IncomingAppend(enabled));
  append->replaces_ = replaces;
  append->mailbox_ = read_mailbox(cursor, enabled);
  cursor.expect_space();
  append->read_options(cursor);
  return append;
}

void IncomingAppend::go_on(std::string_view text) {
  if (replaces_) reject("REPLACE takes one message");
  if (messages_.size() >= kMaxMessages) {
    throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kMessage,
                        "at most " + std::to_string(kMaxMessages) + " messages at a time");
  }
  Cursor cursor(text.substr(behind_));
  end_message(cursor);
  cursor.expect_space();
  read_options(cursor);
}

void IncomingAppend::read_options(Cursor& cursor) {
  Message message;
  if (cursor.peek() == '(') {
    message.flags = read_flag_list(cursor);
    cursor.expect_space();
  }
  if (cursor.peek() == '"') {
    std::string quoted = cursor.expect_string();
    auto date = parse_date_time(quoted);
    if (!date) reject("that is not a date-time");
    message.date = date->utc;
    cursor.expect_space();
  }
  if (cursor.try_word("UTF8")) {
    if (!enabled_.utf8) reject("UTF8 needs ENABLE UTF8=ACCEPT before");
    message.in_utf8 = true;
    cursor.expect_space();
    cursor.expect_char('(');
    if (cursor.peek() != '~') reject("expected a literal8");
  }
  if (cursor.peek() != '{' && cursor.peek() != '~') reject("expected the message as a literal");
  messages_.push_back(std::move(message));
}

void IncomingAppend::end_message(Cursor& cursor) const {
  if (messages_.back().in_utf8) cursor.expect_char(')');
}

void IncomingAppend::open(storage::ContentStore& store, mail::ByteCount size, bool binary) {
  messages_.back().binary = binary;
  messages_.back().content = std::make_unique<IncomingMessage>(store, size);
  octets_ += size;
}

std::vector<storage::Upload> IncomingAppend::finish(std::string_view text, mail::WallTime now) {
  Cursor cursor(text.substr(behind_));
  end_message(cursor);
  if (!cursor.at_end()) reject("expected the end of the command behind the message");
  std::vector<storage::Upload> messages;
  for (Message& message : messages_) {
    messages.push_back({message.content->finish(), std::move(message.flags), message.date.value_or(now)});
    if (message.binary && message.content->has_nul())
      throw mail::Failure(mail::FailureKind::kPermanent, mail::FailureScope::kMessage, "NUL is not kept");
  }
  return messages;
}

}  // namespace mailstead::imap
