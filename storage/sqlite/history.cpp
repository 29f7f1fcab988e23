#include "storage/sqlite/history.h"

#include "storage/packing.h"

namespace mailstead::storage::sqlite {
namespace {

MessageHistory read_message(const Query& row) {
  MessageHistory history;
  history.id = row.integer(0);
  history.source = {row.string(1), row.string(2), row.number<std::uint32_t>(3), row.number<Uid>(4), row.string(5)};
  history.internal_date = row.time(6);
  history.size = row.number<mail::ByteCount>(7);
  history.duplicate_of = row.integer(8);
  if (!row.null(9)) history.message_id = "<" + row.string(9) + ">";
  history.from = row.string(10);
  history.subject = row.string(11);
  history.events = unpack_events(row.blob(12));
  return history;
}

void add_rest(Connection& db, MessageHistory& history) {
  Query events = db.query("SELECT time, kind, text FROM events WHERE message = ?1 ORDER BY id");
  events.bind(history.id);
  while (events.next()) history.events.push_back({events.time(0), events.string(1), events.string(2)});
  Query places = db.query(
      "SELECT DISTINCT b.user || '/' || b.name FROM placements p JOIN mailboxes b ON b.id = p.mailbox"
      " WHERE p.message = ?1 ORDER BY 1");
  places.bind(history.id);
  while (places.next()) history.placed_in.push_back(places.string(0));
}

std::vector<MessageHistory> read_all(Connection& db, Query& query) {
  std::vector<MessageHistory> found;
  while (query.next()) found.push_back(read_message(query));
  for (MessageHistory& history : found) add_rest(db, history);
  return found;
}

// For LIKE … ESCAPE '\'.
std::string containing(const std::string& text) {
  std::string pattern = "%";
  for (char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

}  // namespace

std::vector<MessageHistory> SqliteHistory::by_message_id(const std::string& message_id) const {
  auto db = database_.readers.lend();
  ReadTransaction view(*db);
  Query query = db->query(
      "SELECT m.id, f.account, f.folder, m.uid_validity, m.uid, m.uidl, m.internal_date, m.size, m.duplicate_of,"
      " m.message_id, m.sender, m.subject, m.events FROM messages m JOIN folders f ON f.id = m.folder"
      " WHERE m.message_id = ?1 ORDER BY m.id");
  query.bind(bare_message_id(message_id));
  return read_all(*db, query);
}

std::optional<MessageHistory> SqliteHistory::by_id(MessageId id) const {
  auto db = database_.readers.lend();
  ReadTransaction view(*db);
  Query query = db->query(
      "SELECT m.id, f.account, f.folder, m.uid_validity, m.uid, m.uidl, m.internal_date, m.size, m.duplicate_of,"
      " m.message_id, m.sender, m.subject, m.events FROM messages m JOIN folders f ON f.id = m.folder WHERE m.id = ?1");
  query.bind(id);
  auto found = read_all(*db, query);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<MessageHistory> SqliteHistory::search(const std::string& text, std::size_t limit) const {
  auto db = database_.readers.lend();
  ReadTransaction view(*db);
  Query query = db->query(
      "SELECT m.id, f.account, f.folder, m.uid_validity, m.uid, m.uidl, m.internal_date, m.size, m.duplicate_of,"
      " m.message_id, m.sender, m.subject, m.events FROM messages m JOIN folders f ON f.id = m.folder"
      " WHERE m.subject LIKE ?1 ESCAPE '\\' OR m.sender LIKE ?1 ESCAPE '\\' OR m.message_id LIKE ?2 ESCAPE '\\'"
      " ORDER BY m.id DESC LIMIT ?3");
  query.bind(containing(text), containing(std::string(bare_message_id(text))), limit);
  return read_all(*db, query);
}

std::vector<PlacedMessage> SqliteHistory::placed(MailboxId mailbox) const {
  auto db = database_.readers.lend();
  Query query =
      db->query("SELECT uid, message FROM placements WHERE mailbox = ?1 AND message IS NOT NULL ORDER BY uid");
  query.bind(mailbox);
  std::vector<PlacedMessage> found;
  while (query.next()) found.push_back({query.number<Uid>(0), query.integer(1)});
  return found;
}

std::optional<ContentId> SqliteHistory::content_of(MessageId message) const {
  auto db = database_.readers.lend();
  Query query = db->query(
      "SELECT content FROM placements WHERE message = ?1 UNION ALL SELECT content FROM deliveries WHERE message = ?1"
      " LIMIT 1");
  query.bind(message);
  if (!query.next()) return std::nullopt;
  return query.integer(0);
}

void SqliteHistory::add(MessageId message, const HistoryEvent& event) {
  add_all({{message, event}});
}

void SqliteHistory::add_all(const std::vector<std::pair<MessageId, HistoryEvent>>& events) {
  database_.write([&](WriteContext& context) {
    for (const auto& [message, event] : events) context.messages.add_event(message, event.time, event.kind, event.text);
  });
}

}  // namespace mailstead::storage::sqlite
