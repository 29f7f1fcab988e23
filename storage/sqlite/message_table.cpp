#include "storage/sqlite/message_table.h"

#include "storage/packing.h"

namespace mailstead::storage::sqlite {
namespace {

constexpr std::size_t kMaxListedText = 1024;

// Cut at a character of UTF-8.
std::string_view listed(std::string_view text) noexcept {
  if (text.size() <= kMaxListedText) return text;
  std::size_t end = kMaxListedText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace

std::string_view bare_message_id(std::string_view message_id) noexcept {
  auto drop = [](char c) { return c == '<' || c == '>' || c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!message_id.empty() && drop(message_id.front())) message_id.remove_prefix(1);
  while (!message_id.empty() && drop(message_id.back())) message_id.remove_suffix(1);
  return message_id.substr(0, kMaxListedText);
}

MessageId MessageTable::add(const NewMessage& message) {
  std::optional<std::string_view> id = bare_message_id(message.message_id);
  if (id->empty()) id.reset();
  std::optional<MessageId> duplicate_of;
  if (message.duplicate_of != 0) duplicate_of = message.duplicate_of;
  db_.query(
         "INSERT INTO messages (folder, uid_validity, uid, uidl, accepted, internal_date, size, duplicate_of,"
         " message_id, sender, subject, fingerprint, forget, events)"
         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")
      .bind(message.folder, message.source.uid_validity, message.source.uid, message.source.uidl, message.accepted,
            message.internal_date, message.size, duplicate_of, id, listed(message.from), listed(message.subject),
            message.fingerprint, message.forget, Blob{pack(message.events)})
      .run();
  return db_.last_id();
}

void MessageTable::add_event(MessageId message, mail::WallTime time, std::string_view kind, std::string_view text) {
  if (message == 0) return;
  db_.query("INSERT INTO events (message, time, kind, text) VALUES (?1, ?2, ?3, ?4)")
      .bind(message, time, kind, text)
      .run();
}

}  // namespace mailstead::storage::sqlite
