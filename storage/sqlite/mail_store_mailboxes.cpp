#include "storage/mailbox_name.h"
#include "storage/sqlite/mail_store.h"

#include <algorithm>

namespace mailstead::storage::sqlite {
namespace {

// The mailboxes below `parent`, by id. Children sort between "parent/" and "parent0".
std::vector<MailboxId> children(WriteContext& context, const std::string& user, const std::string& parent) {
  std::vector<MailboxId> found;
  Query query = context.db.query("SELECT id FROM mailboxes WHERE user = ?1 AND name > ?2 AND name < ?3 ORDER BY name");
  query.bind(user, parent + '/', parent + '0');
  while (query.next()) found.push_back(query.integer(0));
  return found;
}

bool is_lasting(const std::string& name) {
  return name == kInbox || name == kUndelivered;
}

void loosen(WriteContext& context, const std::vector<ContentId>& contents) {
  for (ContentId content : contents) context.contents.loosen(content);
}

MailboxAnswer create_one(WriteContext& context, const std::string& user, const std::string& name,
                         const std::string& special_use) {
  MailboxRow* row = context.mailboxes.find(user, name);
  if (row != nullptr && row->box.selectable) return MailboxAnswer::kExists;
  auto levels = static_cast<std::size_t>(std::count(name.begin(), name.end(), kHierarchyDelimiter)) + 1;
  if (context.mailboxes.count(user) + levels + 2 > kMaxMailboxesPerUser) return MailboxAnswer::kLimit;
  if (row == nullptr) {
    context.mailboxes.create_parents(user, name);
    static_cast<void>(context.mailboxes.create(user, name, true, special_use));
    return MailboxAnswer::kDone;
  }
  MailboxRow& made = context.mailboxes.ensure(user, name);
  made.box.special_use = special_use;
  return MailboxAnswer::kDone;
}

MailboxAnswer remove_one(WriteContext& context, const std::string& user, const std::string& name) {
  MailboxRow* row = context.mailboxes.find(user, name);
  if (row == nullptr) return MailboxAnswer::kNoSuchMailbox;
  if (is_lasting(name)) return MailboxAnswer::kNotPermitted;
  bool parent = !children(context, user, name).empty();
  if (parent && !row->box.selectable) return MailboxAnswer::kHasChildren;
  loosen(context, context.mailboxes.erase(*row));
  // RFC 3501 §6.3.4: the name stays as a parent. As a new mailbox, so that sessions see that theirs has gone.
  if (parent) static_cast<void>(context.mailboxes.create(user, name, false, ""));
  return MailboxAnswer::kDone;
}

// RFC 3501 §6.3.5: the messages go to a new mailbox, INBOX stays, and so do the mailboxes below it.
void rename_inbox(WriteContext& context, const std::string& user, MailboxRow& inbox, const std::string& to) {
  context.mailboxes.create_parents(user, to);
  MailboxRow& target = context.mailboxes.create(user, to, true, "");
  ModSeq modseq = context.mailboxes.next_modseq(user);
  struct Moving {
    Entry entry;
    MessageId message;
  };
  std::vector<Moving> moving;
  {
    Query query = context.db.query(
        "SELECT uid, flags, keywords, content, size, internal_date, modseq, saved, message FROM placements"
        " WHERE mailbox = ?1 ORDER BY uid");
    query.bind(inbox.box.id);
    while (query.next()) moving.push_back({read_entry(query), query.integer(8)});
  }
  std::vector<Uid> gone;
  for (const Moving& one : moving) {
    Placed placed{.content = one.entry.content,
                  .message = one.message,
                  .flags = one.entry.flags,
                  .keywords = context.mailboxes.translate_keywords(inbox, one.entry.keywords, target),
                  .internal_date = one.entry.internal_date,
                  .size = one.entry.size};
    context.mailboxes.place(target, placed, modseq);
    context.mailboxes.remove(inbox, one.entry);
    gone.push_back(one.entry.uid);
  }
  context.mailboxes.note_vanished(inbox, gone, modseq);
}

MailboxAnswer rename_one(WriteContext& context, const std::string& user, const std::string& from,
                         const std::string& to) {
  MailboxRow* row = context.mailboxes.find(user, from);
  if (row == nullptr) return MailboxAnswer::kNoSuchMailbox;
  if (context.mailboxes.find(user, to) != nullptr) return MailboxAnswer::kExists;
  if (from == kUndelivered || (from != kInbox && is_below(to, from))) return MailboxAnswer::kNotPermitted;
  if (from == kInbox) {
    rename_inbox(context, user, *row, to);
    return MailboxAnswer::kDone;
  }
  std::vector<MailboxId> below = children(context, user, from);
  for (MailboxId id : below) {
    MailboxRow& child = *context.mailboxes.find(id);
    if (!canonical_mailbox_name(to + child.box.name.substr(from.size()))) return MailboxAnswer::kInvalidName;
  }
  context.mailboxes.create_parents(user, to);
  context.mailboxes.rename(*row, to);
  for (MailboxId id : below) {
    MailboxRow& child = *context.mailboxes.find(id);
    context.mailboxes.rename(child, to + child.box.name.substr(from.size()));
  }
  return MailboxAnswer::kDone;
}

}  // namespace

MailboxAnswer SqliteMailStore::create(const std::string& user, const std::string& name,
                                      const std::string& special_use) {
  // A trailing delimiter announces children (RFC 3501 §6.3.3) and is no part of the name.
  bool announces = name.size() > 1 && name.back() == kHierarchyDelimiter;
  std::optional<std::string> canonical = canonical_mailbox_name(announces ? name.substr(0, name.size() - 1) : name);
  if (!canonical) return MailboxAnswer::kInvalidName;
  MailboxAnswer answer = MailboxAnswer::kDone;
  database_.write([&](WriteContext& context) { answer = create_one(context, user, *canonical, special_use); });
  return answer;
}

MailboxAnswer SqliteMailStore::remove(const std::string& user, const std::string& name) {
  std::optional<std::string> canonical = canonical_mailbox_name(name);
  if (!canonical) return MailboxAnswer::kNoSuchMailbox;
  MailboxAnswer answer = MailboxAnswer::kDone;
  database_.write([&](WriteContext& context) { answer = remove_one(context, user, *canonical); });
  return answer;
}

MailboxAnswer SqliteMailStore::rename(const std::string& user, const std::string& from, const std::string& to) {
  std::optional<std::string> source = canonical_mailbox_name(from);
  std::optional<std::string> target = canonical_mailbox_name(to);
  if (!source) return MailboxAnswer::kNoSuchMailbox;
  if (!target) return MailboxAnswer::kInvalidName;
  MailboxAnswer answer = MailboxAnswer::kDone;
  database_.write([&](WriteContext& context) { answer = rename_one(context, user, *source, *target); });
  return answer;
}

MailboxAnswer SqliteMailStore::subscribe(const std::string& user, const std::string& name, bool on) {
  std::optional<std::string> canonical = canonical_mailbox_name(name);
  if (!canonical) return MailboxAnswer::kInvalidName;
  database_.write([&](WriteContext& context) {
    Query query = on ? context.db.query("INSERT OR IGNORE INTO subscriptions (user, name) VALUES (?1, ?2)")
                     : context.db.query("DELETE FROM subscriptions WHERE user = ?1 AND name = ?2");
    query.bind(user, *canonical).run();
  });
  return MailboxAnswer::kDone;
}

}  // namespace mailstead::storage::sqlite
