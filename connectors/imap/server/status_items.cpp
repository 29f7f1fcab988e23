#include "connectors/imap/server/status_items.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/object_id.h"

namespace mailstead::imap {
namespace {

constexpr std::pair<std::string_view, StatusItem> kItems[] = {
    {"MESSAGES", StatusItem::kMessages},
    {"RECENT", StatusItem::kRecent},
    {"UIDNEXT", StatusItem::kUidNext},
    {"UIDVALIDITY", StatusItem::kUidValidity},
    {"UNSEEN", StatusItem::kUnseen},
    {"SIZE", StatusItem::kSize},
    {"DELETED", StatusItem::kDeleted},
    {"HIGHESTMODSEQ", StatusItem::kHighestModSeq},
    {"APPENDLIMIT", StatusItem::kAppendLimit},
    {"MAILBOXID", StatusItem::kMailboxId},
    {"DELETED-STORAGE", StatusItem::kDeletedStorage},
};

// An upper bound by UIDs: exact unless messages were expunged before any session saw them.
std::uint64_t recent_of(const Conversation& session, const storage::Mailbox& mailbox) {
  storage::Uid boundary = session.recent.peek(mailbox.id);
  std::uint64_t newer = mailbox.uid_next > boundary ? mailbox.uid_next - boundary : 0;
  return std::min<std::uint64_t>(newer, mailbox.messages);
}

// RFC 9208 §4.1.4: in units of 1,024 octets. Seldom asked for, and not kept.
std::uint64_t deleted_storage(const Conversation& session, const storage::Mailbox& mailbox) {
  if (mailbox.deleted == 0) return 0;
  std::uint64_t octets = 0;
  if (const auto snapshot = session.mail().open(mailbox.id))
    for (const storage::Entry& entry : snapshot->entries)
      if ((entry.flags & mail::kDeleted) != 0) octets += entry.size;
  return (octets + 1023) / 1024;
}

std::uint64_t number_of(const Conversation& session, const storage::Mailbox& mailbox, StatusItem item) {
  switch (item) {
    case StatusItem::kMessages: return mailbox.messages;
    case StatusItem::kRecent: return recent_of(session, mailbox);
    case StatusItem::kUidNext: return mailbox.uid_next;
    case StatusItem::kUidValidity: return mailbox.uid_validity;
    case StatusItem::kUnseen: return mailbox.unseen;
    case StatusItem::kDeleted: return mailbox.deleted;
    case StatusItem::kDeletedStorage: return deleted_storage(session, mailbox);
    case StatusItem::kSize: return mailbox.bytes;
    case StatusItem::kHighestModSeq: return mailbox.highest_modseq;
    case StatusItem::kAppendLimit: return session.context.max_append;
    case StatusItem::kMailboxId: break;
  }
  return 0;
}

std::string value_of(const Conversation& session, const storage::Mailbox& mailbox, StatusItem item) {
  if (item == StatusItem::kMailboxId) return '(' + mailbox_object_id(mailbox.id) + ')';
  return std::to_string(number_of(session, mailbox, item));
}

}  // namespace

std::vector<StatusItem> read_status_items(Cursor& cursor) {
  std::vector<StatusItem> items;
  cursor.expect_list([&] {
    std::string name = read_item_name(cursor);
    const auto* found =
        std::find_if(std::begin(kItems), std::end(kItems), [&](const auto& known) { return known.first == name; });
    if (found == std::end(kItems)) reject("unknown STATUS item");
    if (std::find(items.begin(), items.end(), found->second) == items.end()) items.push_back(found->second);
  });
  if (items.empty()) reject("expected at least one STATUS item");
  return items;
}

void note_status_items(Conversation& session, const std::vector<StatusItem>& items, std::string& out) {
  if (std::find(items.begin(), items.end(), StatusItem::kHighestModSeq) != items.end()) session.use_modseq(out);
}

void append_status(const Conversation& session, const storage::Mailbox& mailbox, const std::vector<StatusItem>& items,
                   std::string& out) {
  out += "* STATUS ";
  append_mailbox(out, mailbox.name, session.enabled);
  out += " (";
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto* name =
        std::find_if(std::begin(kItems), std::end(kItems), [&](const auto& known) { return known.second == items[i]; });
    if (i > 0) out += ' ';
    out += name->first;
    out += ' ' + value_of(session, mailbox, items[i]);
  }
  out += ")\r\n";
}

}  // namespace mailstead::imap
