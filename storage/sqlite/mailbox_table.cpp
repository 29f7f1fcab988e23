#include "storage/sqlite/mailbox_table.h"

#include "storage/mailbox_name.h"
#include "storage/packing.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace mailstead::storage::sqlite {
namespace {

mail::Failure limit(const std::string& text) {
  return {mail::FailureKind::kLimit, mail::FailureScope::kMessage, text};
}

// From 1 up to 2106.
std::uint32_t unix_seconds() {
  auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(now.count(), 1, UINT32_MAX));
}

}  // namespace

Mailbox read_mailbox(const Query& row) {
  Mailbox box;
  box.id = row.integer(0);
  box.name = row.string(1);
  box.selectable = row.integer(2) != 0;
  box.special_use = row.string(3);
  box.uid_validity = row.number<std::uint32_t>(4);
  box.uid_next = row.number<Uid>(5);
  box.messages = row.number<std::uint32_t>(6);
  box.unseen = row.number<std::uint32_t>(7);
  box.deleted = row.number<std::uint32_t>(8);
  box.bytes = row.number<mail::ByteCount>(9);
  box.highest_modseq = row.number<ModSeq>(10);
  box.subscribed = row.integer(11) != 0;
  return box;
}

Entry read_entry(const Query& row) {
  Entry entry;
  entry.uid = row.number<Uid>(0);
  entry.flags = row.number<std::uint8_t>(1);
  entry.keywords = row.number<std::uint32_t>(2);
  entry.content = row.integer(3);
  entry.size = row.number<std::uint32_t>(4);
  entry.internal_date = row.time(5);
  entry.modseq = row.number<ModSeq>(6);
  entry.saved = row.number<std::uint32_t>(7);
  return entry;
}

MailboxRow* MailboxTable::find(const std::string& user, const std::string& name) {
  if (auto known = by_name_.find({user, name}); known != by_name_.end()) return &rows_.at(known->second);
  Query query = db_.query(
      "SELECT id, name, selectable, special_use, uid_validity, uid_next, messages, unseen, deleted, bytes,"
      " highest_modseq, 0, user, vanished_floor FROM mailboxes WHERE user = ?1 AND name = ?2");
  query.bind(user, name);
  if (!query.next()) return nullptr;
  MailboxRow row;
  row.box = read_mailbox(query);
  row.user = query.string(12);
  row.vanished_floor = query.number<ModSeq>(13);
  return &keep(std::move(row));
}

MailboxRow* MailboxTable::find(MailboxId id) {
  if (auto known = rows_.find(id); known != rows_.end()) return &known->second;
  Query query = db_.query("SELECT user, name FROM mailboxes WHERE id = ?1");
  query.bind(id);
  if (!query.next()) return nullptr;
  return find(query.string(0), query.string(1));
}

MailboxRow& MailboxTable::keep(MailboxRow row) {
  MailboxId id = row.box.id;
  by_name_[{row.user, row.box.name}] = id;
  return rows_.insert_or_assign(id, std::move(row)).first->second;
}

void MailboxTable::forget(const MailboxRow& row) {
  by_name_.erase({row.user, row.box.name});
  rows_.erase(row.box.id);
}

OwnerRow& MailboxTable::owner(const std::string& user) {
  auto [at, added] = owners_.try_emplace(user);
  if (!added) return at->second;
  {
    Query query = db_.query("SELECT modseq, uid_validity FROM owners WHERE name = ?1");
    query.bind(user);
    if (query.next()) {
      at->second = {query.number<ModSeq>(0), query.number<std::uint32_t>(1), false};
      return at->second;
    }
  }
  // Seconds since 1970 (RFC 3501 §2.3.1.1), so that a store made anew gives other values than the lost one did.
  at->second.uid_validity = std::min<std::uint32_t>(unix_seconds(), 0x7fffffff);
  db_.query("INSERT INTO owners (name, modseq, uid_validity) VALUES (?1, ?2, ?3)")
      .bind(user, at->second.modseq, at->second.uid_validity)
      .run();
  for (const char* name : {kInbox, kUndelivered}) static_cast<void>(create(user, name, true, ""));
  return owners_.at(user);
}

ModSeq MailboxTable::next_modseq(const std::string& user) {
  OwnerRow& row = owner(user);
  row.changed = true;
  return ++row.modseq;
}

std::uint32_t MailboxTable::next_uid_validity(const std::string& user) {
  OwnerRow& row = owner(user);
  row.changed = true;
  return ++row.uid_validity;
}

std::size_t MailboxTable::count(const std::string& user) {
  Query query = db_.query("SELECT count(*) FROM mailboxes WHERE user = ?1");
  query.bind(user);
  return query.next() ? query.number<std::size_t>(0) : 0;
}

MailboxRow& MailboxTable::create(const std::string& user, const std::string& name, bool selectable,
                                 const std::string& special_use) {
  owner(user);
  if (MailboxRow* made = find(user, name)) return *made;  // a new owner's INBOX
  if (count(user) >= kMaxMailboxesPerUser) throw limit("too many mailboxes");
  MailboxRow row;
  row.user = user;
  row.box.name = name;
  row.box.selectable = selectable;
  row.box.special_use = special_use;
  row.box.uid_validity = next_uid_validity(user);
  row.box.highest_modseq = next_modseq(user);
  db_.query(
         "INSERT INTO mailboxes (user, name, selectable, special_use, uid_validity, uid_next, messages, unseen,"
         " deleted, bytes, highest_modseq) VALUES (?1, ?2, ?3, ?4, ?5, 1, 0, 0, 0, 0, ?6)")
      .bind(user, name, selectable, special_use, row.box.uid_validity, row.box.highest_modseq)
      .run();
  row.box.id = db_.last_id();
  return keep(std::move(row));
}

void MailboxTable::create_parents(const std::string& user, const std::string& name) {
  for (std::size_t slash = name.find(kHierarchyDelimiter); slash != std::string::npos;
       slash = name.find(kHierarchyDelimiter, slash + 1)) {
    std::string parent = name.substr(0, slash);
    if (find(user, parent) == nullptr) static_cast<void>(create(user, parent, true, ""));
  }
}

MailboxRow& MailboxTable::ensure(const std::string& user, const std::string& name) {
  MailboxRow* row = find(user, name);
  if (row == nullptr) {
    create_parents(user, name);
    return create(user, name, true, "");
  }
  if (!row->box.selectable) {
    row->box.selectable = true;
    row->box.uid_validity = next_uid_validity(user);
    row->changed = true;
  }
  return *row;
}

std::vector<ContentId> MailboxTable::erase(MailboxRow& row) {
  std::vector<ContentId> loosened;
  {
    Query query = db_.query("SELECT content FROM placements WHERE mailbox = ?1");
    query.bind(row.box.id);
    while (query.next()) loosened.push_back(query.integer(0));
  }
  db_.query("DELETE FROM placements WHERE mailbox = ?1").bind(row.box.id).run();
  db_.query("DELETE FROM mailboxes WHERE id = ?1").bind(row.box.id).run();
  touched_.insert(row.box.id);
  forget(row);
  return loosened;
}

void MailboxTable::rename(MailboxRow& row, const std::string& to) {
  db_.query("UPDATE mailboxes SET name = ?2 WHERE id = ?1").bind(row.box.id, to).run();
  by_name_.erase({row.user, row.box.name});
  row.box.name = to;
  by_name_[{row.user, to}] = row.box.id;
  touched_.insert(row.box.id);
}

void MailboxTable::read_keywords(MailboxRow& row) {
  if (row.keywords_read) return;
  Query query = db_.query("SELECT words, id FROM keyword_sets WHERE mailbox = ?1");
  query.bind(row.box.id);
  while (query.next()) {
    row.keyword_sets[query.string(0)] = query.number<std::uint32_t>(1);
    row.keyword_words[query.number<std::uint32_t>(1)] = query.string(0);
  }
  row.keywords_read = true;
}

std::uint32_t MailboxTable::keyword_set(MailboxRow& row, const std::vector<std::string>& words) {
  const auto refuse = [](const std::string& why) -> std::uint32_t {
    throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kMessage, why);
  };
  if (words.empty()) return 0;
  if (words.size() > kMaxKeywords) return refuse("a message has at most " + std::to_string(kMaxKeywords) + " keywords");
  read_keywords(row);
  std::string joined = join_words(words);
  if (auto known = row.keyword_sets.find(joined); known != row.keyword_sets.end()) return known->second;
  if (row.keyword_sets.size() >= kMaxKeywordSets)
    return refuse("the mailbox has seen " + std::to_string(kMaxKeywordSets) + " combinations of keywords");
  auto id = static_cast<std::uint32_t>(row.keyword_sets.size() + 1);
  db_.query("INSERT INTO keyword_sets (mailbox, id, words) VALUES (?1, ?2, ?3)").bind(row.box.id, id, joined).run();
  row.keyword_sets[joined] = id;
  row.keyword_words[id] = joined;
  return id;
}

std::uint32_t MailboxTable::keyword_set_or_none(MailboxRow& row, const std::vector<std::string>& words) {
  try {
    return keyword_set(row, words);
  } catch (const mail::Failure& failure) {
    if (failure.kind() != mail::FailureKind::kLimit) throw;
    return 0;
  }
}

std::vector<std::string> MailboxTable::keywords(MailboxRow& row, std::uint32_t set) {
  if (set == 0) return {};
  read_keywords(row);
  auto known = row.keyword_words.find(set);
  return known == row.keyword_words.end() ? std::vector<std::string>() : split_words(known->second);
}

std::uint32_t MailboxTable::translate_keywords(MailboxRow& from, std::uint32_t set, MailboxRow& to) {
  return set == 0 || from.box.id == to.box.id ? set : keyword_set(to, keywords(from, set));
}

Uid MailboxTable::place(MailboxRow& row, const Placed& placed, ModSeq modseq) {
  Mailbox& box = row.box;
  if (box.uid_next == std::numeric_limits<Uid>::max()) throw limit("the mailbox has used up its UIDs");
  Uid uid = box.uid_next++;
  std::optional<MessageId> message;
  if (placed.message != 0) message = placed.message;
  db_.query(
         "INSERT INTO placements (mailbox, uid, content, message, flags, keywords, internal_date, size, modseq, saved)"
         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
      .bind(box.id, uid, placed.content, message, placed.flags, placed.keywords, placed.internal_date, placed.size,
            modseq, unix_seconds())
      .run();
  ++box.messages;
  if ((placed.flags & mail::kSeen) == 0) ++box.unseen;
  if ((placed.flags & mail::kDeleted) != 0) ++box.deleted;
  box.bytes += placed.size;
  box.highest_modseq = modseq;
  touch(row);
  return uid;
}

void MailboxTable::change_flags(MailboxRow& row, const Entry& before, const Entry& after) {
  db_.query("UPDATE placements SET flags = ?3, keywords = ?4, modseq = ?5 WHERE mailbox = ?1 AND uid = ?2")
      .bind(row.box.id, after.uid, after.flags, after.keywords, after.modseq)
      .run();
  auto changed = [&](std::uint8_t flag) { return ((after.flags & flag) != 0) - ((before.flags & flag) != 0); };
  row.box.unseen -= changed(mail::kSeen);
  row.box.deleted += changed(mail::kDeleted);
  row.box.highest_modseq = after.modseq;
  touch(row);
}

void MailboxTable::remove(MailboxRow& row, const Entry& entry) {
  db_.query("DELETE FROM placements WHERE mailbox = ?1 AND uid = ?2").bind(row.box.id, entry.uid).run();
  --row.box.messages;
  if ((entry.flags & mail::kSeen) == 0) --row.box.unseen;
  if ((entry.flags & mail::kDeleted) != 0) --row.box.deleted;
  row.box.bytes -= entry.size;
  touch(row);
}

void MailboxTable::note_vanished(MailboxRow& row, const std::vector<Uid>& uids, ModSeq modseq) {
  for (std::size_t i = 0; i < uids.size();) {
    std::size_t end = i + 1;
    while (end < uids.size() && uids[end] == uids[end - 1] + 1) ++end;
    db_.query("INSERT INTO vanished (mailbox, modseq, first, last) VALUES (?1, ?2, ?3, ?4)")
        .bind(row.box.id, modseq, uids[i], uids[end - 1])
        .run();
    i = end;
  }
  row.box.highest_modseq = modseq;
  touch(row);
}

std::optional<Entry> MailboxTable::entry(MailboxId mailbox, Uid uid) {
  Query query = db_.query(
      "SELECT uid, flags, keywords, content, size, internal_date, modseq, saved FROM placements"
      " WHERE mailbox = ?1 AND uid = ?2");
  query.bind(mailbox, uid);
  if (!query.next()) return std::nullopt;
  return read_entry(query);
}

void MailboxTable::touch(MailboxRow& row) {
  row.changed = true;
  touched_.insert(row.box.id);
}

void MailboxTable::write_back() {
  for (auto& [id, row] : rows_) {
    if (!row.changed) continue;
    db_.query(
           "UPDATE mailboxes SET selectable = ?2, special_use = ?3, uid_validity = ?4, uid_next = ?5, messages = ?6,"
           " unseen = ?7, deleted = ?8, bytes = ?9, highest_modseq = ?10 WHERE id = ?1")
        .bind(id, row.box.selectable, row.box.special_use, row.box.uid_validity, row.box.uid_next, row.box.messages,
              row.box.unseen, row.box.deleted, row.box.bytes, row.box.highest_modseq)
        .run();
    row.changed = false;
  }
  for (auto& [name, row] : owners_) {
    if (!row.changed) continue;
    db_.query("UPDATE owners SET modseq = ?2, uid_validity = ?3 WHERE name = ?1")
        .bind(name, row.modseq, row.uid_validity)
        .run();
    row.changed = false;
  }
  if (rows_.size() <= kMaxKept && owners_.size() <= kMaxKept) return;
  rows_.clear();
  by_name_.clear();
  owners_.clear();
}

void MailboxTable::reset() noexcept {
  owners_.clear();
  rows_.clear();
  by_name_.clear();
  touched_.clear();
}

}  // namespace mailstead::storage::sqlite
