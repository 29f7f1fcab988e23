// STATUS (RFC 3501 §6.3.10) of several folders in few round trips.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "connectors/imap/client/list_folders.h"
#include "connectors/imap/client/session.h"

namespace mailstead::imap {

struct MailboxCounts {
  std::optional<std::uint64_t> messages, unseen;
};

// One per folder, in order; empty where the server says NO or nothing.
[[nodiscard]] std::vector<MailboxCounts> mailbox_counts(Session& session, const std::vector<Folder>& folders);

}  // namespace mailstead::imap
