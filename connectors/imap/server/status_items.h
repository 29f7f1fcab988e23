// The items of STATUS (RFC 3501 §6.3.10) and of LIST … RETURN (STATUS (…)) (RFC 5819).
#pragma once

#include <string>
#include <vector>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/server/conversation.h"

namespace mailstead::imap {

enum class StatusItem {
  kMessages,
  kRecent,
  kUidNext,
  kUidValidity,
  kUnseen,
  kDeleted,
  kDeletedStorage,
  kSize,
  kHighestModSeq,
  kAppendLimit,
  kMailboxId
};

[[nodiscard]] std::vector<StatusItem> read_status_items(Cursor& cursor);
// Asking for HIGHESTMODSEQ implies CONDSTORE.
void note_status_items(Conversation& session, const std::vector<StatusItem>& items, std::string& out);
void append_status(const Conversation& session, const storage::Mailbox& mailbox, const std::vector<StatusItem>& items,
                   std::string& out);

}  // namespace mailstead::imap
