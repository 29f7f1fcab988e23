#include "storage/mailbox_name.h"
#include "storage/packing.h"
#include "storage/sqlite/mail_store.h"

#include <algorithm>

namespace mailstead::storage::sqlite {
namespace {

// By id; [0] is empty, and so are numbers that are not there.
std::vector<std::vector<std::string>> read_keyword_sets(Connection& db, MailboxId mailbox) {
  std::vector<std::vector<std::string>> sets(1);
  Query query = db.query("SELECT id, words FROM keyword_sets WHERE mailbox = ?1 ORDER BY id");
  query.bind(mailbox);
  while (query.next()) {
    auto id = query.number<std::size_t>(0);
    if (id == 0 || id > kMaxKeywordSets) continue;
    sets.resize(std::max(sets.size(), id + 1));
    sets[id] = split_words(query.text(1));
  }
  return sets;
}

// A damaged row must not lead anyone outside the sets.
void check_keywords(std::vector<Entry>& entries, std::size_t sets) {
  for (Entry& entry : entries) {
    if (entry.keywords >= sets) entry.keywords = 0;
  }
}

std::optional<Mailbox> read_by_id(Connection& db, MailboxId mailbox) {
  Query query = db.query(
      "SELECT b.id, b.name, b.selectable, b.special_use, b.uid_validity, b.uid_next, b.messages, b.unseen, b.deleted,"
      " b.bytes, b.highest_modseq, EXISTS (SELECT 1 FROM subscriptions s WHERE s.user = b.user AND s.name = b.name)"
      " FROM mailboxes b WHERE b.id = ?1 AND b.selectable");
  query.bind(mailbox);
  if (!query.next()) return std::nullopt;
  return read_mailbox(query);
}

std::vector<UidRange> read_vanished(Connection& db, MailboxId mailbox, ModSeq since) {
  std::vector<UidRange> vanished;
  Query query = db.query("SELECT first, last FROM vanished WHERE mailbox = ?1 AND modseq > ?2 ORDER BY first");
  query.bind(mailbox, since);
  while (query.next()) {
    UidRange range{query.number<Uid>(0), query.number<Uid>(1)};
    if (!vanished.empty() && vanished.back().last + 1 == range.first) {
      vanished.back().last = range.last;
    } else {
      vanished.push_back(range);
    }
  }
  return vanished;
}

// When the records no longer reach back far enough: every number that is not there (RFC 7162 §3.2.5.2 allows more than
// was asked for).
std::vector<UidRange> read_absent(Connection& db, const Mailbox& box) {
  std::vector<UidRange> absent;
  Uid expected = 1;
  Query query = db.query("SELECT uid FROM placements WHERE mailbox = ?1 ORDER BY uid");
  query.bind(box.id);
  while (query.next()) {
    Uid uid = query.number<Uid>(0);
    if (uid > expected) absent.push_back({expected, uid - 1});
    expected = uid + 1;
  }
  if (box.uid_next > expected) absent.push_back({expected, box.uid_next - 1});
  return absent;
}

Vanished vanished_since(Connection& db, const Mailbox& box, ModSeq since) {
  Query floor = db.query("SELECT vanished_floor FROM mailboxes WHERE id = ?1");
  floor.bind(box.id);
  if (floor.next() && floor.number<ModSeq>(0) <= since) return {read_vanished(db, box.id, since), true};
  return {read_absent(db, box), false};
}

std::optional<StoredMessage> read_stored(Query& query, ContentId content) {
  query.bind(content);
  if (!query.next()) return std::nullopt;
  return StoredMessage{query.number<mail::ByteCount>(0), std::string(query.blob(1))};
}

}  // namespace

std::vector<Mailbox> SqliteMailStore::mailboxes(const std::string& user) const {
  auto db = database_.readers.lend();
  std::vector<Mailbox> found;
  Query query = db->query(
      "SELECT b.id, b.name, b.selectable, b.special_use, b.uid_validity, b.uid_next, b.messages, b.unseen, b.deleted,"
      " b.bytes, b.highest_modseq, EXISTS (SELECT 1 FROM subscriptions s WHERE s.user = b.user AND s.name = b.name)"
      " FROM mailboxes b WHERE b.user = ?1 ORDER BY b.name <> 'INBOX', b.name");
  query.bind(user);
  while (query.next()) found.push_back(read_mailbox(query));
  return found;
}

std::optional<Mailbox> SqliteMailStore::find(const std::string& user, const std::string& name) const {
  std::optional<std::string> canonical = canonical_mailbox_name(name);
  if (!canonical) return std::nullopt;
  auto db = database_.readers.lend();
  Query query = db->query(
      "SELECT b.id, b.name, b.selectable, b.special_use, b.uid_validity, b.uid_next, b.messages, b.unseen, b.deleted,"
      " b.bytes, b.highest_modseq, EXISTS (SELECT 1 FROM subscriptions s WHERE s.user = b.user AND s.name = b.name)"
      " FROM mailboxes b WHERE b.user = ?1 AND b.name = ?2");
  query.bind(user, *canonical);
  if (!query.next()) return std::nullopt;
  return read_mailbox(query);
}

std::vector<std::string> SqliteMailStore::subscriptions(const std::string& user) const {
  auto db = database_.readers.lend();
  std::vector<std::string> found;
  Query query = db->query("SELECT name FROM subscriptions WHERE user = ?1 ORDER BY name <> 'INBOX', name");
  query.bind(user);
  while (query.next()) found.push_back(query.string(0));
  return found;
}

std::optional<Snapshot> SqliteMailStore::open(MailboxId mailbox) const {
  auto db = database_.readers.lend();
  ReadTransaction view(*db);
  std::optional<Mailbox> box = read_by_id(*db, mailbox);
  if (!box) return std::nullopt;
  Snapshot snapshot{std::move(*box), {}, read_keyword_sets(*db, mailbox)};
  snapshot.entries.reserve(snapshot.mailbox.messages);
  Query query = db->query(
      "SELECT uid, flags, keywords, content, size, internal_date, modseq, saved FROM placements WHERE mailbox = ?1"
      " ORDER BY uid");
  query.bind(mailbox);
  while (query.next()) snapshot.entries.push_back(read_entry(query));
  check_keywords(snapshot.entries, snapshot.keyword_sets.size());
  return snapshot;
}

Changes SqliteMailStore::changes(MailboxId mailbox, ModSeq since) const {
  auto db = database_.readers.lend();
  ReadTransaction view(*db);
  Changes changes;
  std::optional<Mailbox> box = read_by_id(*db, mailbox);
  if (!box) {
    changes.mailbox_gone = true;
    return changes;
  }
  changes.highest_modseq = box->highest_modseq;
  changes.uid_next = box->uid_next;
  changes.keyword_sets = read_keyword_sets(*db, mailbox);
  if (box->highest_modseq <= since) return changes;
  Query query = db->query(
      "SELECT uid, flags, keywords, content, size, internal_date, modseq, saved FROM placements"
      " WHERE mailbox = ?1 AND modseq > ?2");
  query.bind(mailbox, since);
  while (query.next()) changes.changed.push_back(read_entry(query));
  std::sort(changes.changed.begin(), changes.changed.end(),
            [](const Entry& a, const Entry& b) { return a.uid < b.uid; });
  check_keywords(changes.changed, changes.keyword_sets.size());
  changes.vanished = vanished_since(*db, *box, since).uids;
  return changes;
}

Vanished SqliteMailStore::vanished(MailboxId mailbox, ModSeq since) const {
  auto db = database_.readers.lend();
  ReadTransaction view(*db);
  std::optional<Mailbox> box = read_by_id(*db, mailbox);
  return box ? vanished_since(*db, *box, since) : Vanished{};
}

std::optional<StoredMessage> SqliteMailStore::stored(ContentId content) const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT header_size, structure FROM contents WHERE id = ?1");
  return read_stored(query, content);
}

std::vector<std::optional<StoredMessage>> SqliteMailStore::stored(const std::vector<ContentId>& contents) const {
  auto db = database_.readers.lend();
  ReadTransaction view(*db);
  std::vector<std::optional<StoredMessage>> found;
  found.reserve(contents.size());
  Query query = db->query("SELECT header_size, structure FROM contents WHERE id = ?1");
  std::size_t octets = 0;
  for (ContentId content : contents) {
    found.push_back(read_stored(query, content));
    if (found.back()) octets += found.back()->structure.size();
    if (octets <= kStoredTogether) continue;
    if (found.size() > 1) found.pop_back();
    break;
  }
  return found;
}

}  // namespace mailstead::storage::sqlite
