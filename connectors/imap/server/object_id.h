// The names that OBJECTID (RFC 8474) gives to mailboxes and messages: our own row numbers, which are never given again.
#pragma once

#include <string>

#include "storage/types.h"

namespace mailstead::imap {

// Stays with a mailbox over renames.
[[nodiscard]] inline std::string mailbox_object_id(storage::MailboxId id) {
  return 'F' + std::to_string(id);
}

// The same for the same octets, in whatever mailbox.
[[nodiscard]] inline std::string email_object_id(storage::ContentId id) {
  return 'M' + std::to_string(id);
}

}  // namespace mailstead::imap
