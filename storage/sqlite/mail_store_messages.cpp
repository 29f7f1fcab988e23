#include "storage/mailbox_name.h"
#include "storage/sqlite/mail_store.h"

#include <algorithm>

namespace mailstead::storage::sqlite {
namespace {

std::vector<Uid> ascending(std::vector<Uid> uids) {
  std::sort(uids.begin(), uids.end());
  uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
  return uids;
}

mail::Flags changed_flags(mail::Flags flags, FlagChange change, const mail::Flags& by) {
  if (change == FlagChange::kReplace) return by;
  if (change == FlagChange::kAdd) {
    flags.system = static_cast<std::uint8_t>(flags.system | by.system);
    for (const std::string& keyword : by.keywords) flags.add(keyword);
  } else {
    flags.system = static_cast<std::uint8_t>(flags.system & ~by.system);
    for (const std::string& keyword : by.keywords) flags.remove(keyword);
  }
  return flags;
}

MessageId message_of(WriteContext& context, MailboxId mailbox, Uid uid) {
  Query query = context.db.query("SELECT message FROM placements WHERE mailbox = ?1 AND uid = ?2");
  query.bind(mailbox, uid);
  return query.next() ? query.integer(0) : 0;
}

std::vector<Entry> expungeable(WriteContext& context, MailboxId mailbox, bool even_undeleted) {
  std::vector<Entry> found;
  Query query = context.db.query(
      "SELECT uid, flags, keywords, content, size, internal_date, modseq, saved FROM placements"
      " WHERE mailbox = ?1 AND (?2 OR flags & ?3) ORDER BY uid");
  query.bind(mailbox, even_undeleted, static_cast<int>(mail::kDeleted));
  while (query.next()) found.push_back(read_entry(query));
  return found;
}

AppendedAll append_to(WriteContext& context, const std::string& user, const std::string& name,
                      const std::vector<Upload>& messages) {
  AppendedAll appended;
  MailboxRow* row = context.mailboxes.find(user, name);
  if (row == nullptr || !row->box.selectable) {
    appended.answer = row == nullptr ? MailboxAnswer::kNoSuchMailbox : MailboxAnswer::kNotPermitted;
    return appended;
  }
  appended.uid_validity = row->box.uid_validity;
  const ModSeq modseq = context.mailboxes.next_modseq(user);
  for (const Upload& message : messages) {
    Placed placed{.content = context.contents.keep(message.content),
                  .flags = message.flags.system,
                  .keywords = context.mailboxes.keyword_set(*row, message.flags.keywords),
                  .internal_date = message.internal_date,
                  .size = message.content.bytes->size()};
    appended.uids.push_back(context.mailboxes.place(*row, placed, modseq));
  }
  return appended;
}

}  // namespace

std::vector<Entry> SqliteMailStore::change_flags(MailboxId mailbox, const std::vector<Uid>& uids, FlagChange change,
                                                 const mail::Flags& flags, std::optional<ModSeq> unchanged_since,
                                                 std::vector<Uid>* refused) {
  std::vector<Entry> states;
  std::vector<Uid> too_new;
  database_.write([&](WriteContext& context) {
    states.clear();
    too_new.clear();
    MailboxRow* row = context.mailboxes.find(mailbox);
    if (row == nullptr) return;
    ModSeq modseq = 0;  // one for the whole command, taken when something changes
    for (Uid uid : ascending(uids)) {
      std::optional<Entry> entry = context.mailboxes.entry(mailbox, uid);
      if (!entry) continue;
      if (unchanged_since && entry->modseq > *unchanged_since) {
        too_new.push_back(uid);
        continue;
      }
      mail::Flags before{entry->flags, context.mailboxes.keywords(*row, entry->keywords)};
      mail::Flags after = changed_flags(before, change, flags);
      if (after != before) {
        Entry changed = *entry;
        changed.flags = after.system;
        changed.keywords = context.mailboxes.keyword_set(*row, after.keywords);
        if (modseq == 0) modseq = context.mailboxes.next_modseq(row->user);
        changed.modseq = modseq;
        context.mailboxes.change_flags(*row, *entry, changed);
        entry = changed;
      }
      states.push_back(*entry);
    }
  });
  if (refused != nullptr) *refused = std::move(too_new);
  return states;
}

AppendedAll SqliteMailStore::append_all(const std::string& user, const std::string& mailbox,
                                        std::vector<Upload> messages) {
  std::optional<std::string> name = canonical_mailbox_name(mailbox);
  if (!name) return {.answer = MailboxAnswer::kNoSuchMailbox, .uid_validity = 0, .uids = {}};
  AppendedAll appended;
  database_.write([&](WriteContext& context) { appended = append_to(context, user, *name, messages); });
  return appended;
}

AppendedAll SqliteMailStore::replace(MailboxId from, Uid uid, const std::string& user, const std::string& mailbox,
                                     Upload message) {
  std::optional<std::string> name = canonical_mailbox_name(mailbox);
  if (!name) return {.answer = MailboxAnswer::kNoSuchMailbox, .uid_validity = 0, .uids = {}};
  std::vector<Upload> messages;
  messages.push_back(std::move(message));
  AppendedAll appended;
  database_.write([&](WriteContext& context) {
    appended = {};
    std::optional<Entry> replaced = context.mailboxes.entry(from, uid);
    if (context.mailboxes.find(from) == nullptr || !replaced) return;
    appended = append_to(context, user, *name, messages);
    if (appended.answer != MailboxAnswer::kDone) return;
    MailboxRow& source = *context.mailboxes.find(from);
    context.mailboxes.remove(source, *replaced);
    context.contents.loosen(replaced->content);
    context.mailboxes.note_vanished(source, {uid}, context.mailboxes.next_modseq(source.user));
  });
  return appended;
}

Copied SqliteMailStore::copy(MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                             const std::string& to) {
  return transfer(from, uids, user, to, false);
}

Copied SqliteMailStore::move(MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                             const std::string& to) {
  return transfer(from, uids, user, to, true);
}

Copied SqliteMailStore::transfer(MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                                 const std::string& to, bool take_away) {
  std::optional<std::string> name = canonical_mailbox_name(to);
  if (!name) return {.answer = MailboxAnswer::kNoSuchMailbox, .from = {}, .to = {}};
  Copied copied;
  database_.write([&](WriteContext& context) {
    copied = {};
    MailboxRow* source = context.mailboxes.find(from);
    MailboxRow* target = context.mailboxes.find(user, *name);
    if (source == nullptr || target == nullptr || !target->box.selectable) {
      bool there = source != nullptr && target != nullptr;
      copied.answer = there ? MailboxAnswer::kNotPermitted : MailboxAnswer::kNoSuchMailbox;
      return;
    }
    copied.uid_validity = target->box.uid_validity;
    ModSeq modseq = 0;
    for (Uid uid : ascending(uids)) {
      std::optional<Entry> entry = context.mailboxes.entry(from, uid);
      if (!entry) continue;
      if (modseq == 0) modseq = context.mailboxes.next_modseq(user);
      Placed placed{.content = entry->content,
                    .message = message_of(context, from, uid),
                    .flags = entry->flags,
                    .keywords = context.mailboxes.translate_keywords(*source, entry->keywords, *target),
                    .internal_date = entry->internal_date,
                    .size = entry->size};
      copied.to.push_back(context.mailboxes.place(*target, placed, modseq));
      copied.from.push_back(uid);
      if (take_away) context.mailboxes.remove(*source, *entry);
    }
    if (!take_away || copied.from.empty()) return;
    // The other owner's numbers do not count here.
    ModSeq gone = source->user == user ? modseq : context.mailboxes.next_modseq(source->user);
    context.mailboxes.note_vanished(*source, copied.from, gone);
  });
  return copied;
}

std::vector<Uid> SqliteMailStore::expunge(MailboxId mailbox, const std::optional<std::vector<Uid>>& uids,
                                          bool even_undeleted) {
  std::vector<Uid> gone;
  database_.write([&](WriteContext& context) {
    gone.clear();
    MailboxRow* row = context.mailboxes.find(mailbox);
    if (row == nullptr) return;
    std::vector<Entry> entries;
    if (!uids) {
      entries = expungeable(context, mailbox, even_undeleted);
    } else {
      for (Uid uid : ascending(*uids)) {
        std::optional<Entry> entry = context.mailboxes.entry(mailbox, uid);
        if (entry && (even_undeleted || (entry->flags & mail::kDeleted) != 0)) entries.push_back(*entry);
      }
    }
    if (entries.empty()) return;
    for (const Entry& entry : entries) {
      context.mailboxes.remove(*row, entry);
      context.contents.loosen(entry.content);
      gone.push_back(entry.uid);
    }
    context.mailboxes.note_vanished(*row, gone, context.mailboxes.next_modseq(row->user));
  });
  return gone;
}

}  // namespace mailstead::storage::sqlite
