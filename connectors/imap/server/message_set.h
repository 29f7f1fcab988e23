// The set of messages that a command names: numbers, UIDs, or "$", the result that a SEARCH saved (RFC 5182).
#pragma once

#include <cstdint>
#include <vector>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/server/mailbox_view.h"

namespace mailstead::imap {

// Positions in the view, ascending. Throws Failure(kProtocol) on what is no set and for a number above the last.
[[nodiscard]] std::vector<std::uint32_t> read_message_set(Cursor& cursor, const MailboxView& view, bool by_uid);

}  // namespace mailstead::imap
