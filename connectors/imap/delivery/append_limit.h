// The largest message that a server takes by APPEND (APPENDLIMIT, RFC 7889).
#pragma once

#include <optional>
#include <string>

#include "connectors/imap/delivery/connection.h"
#include "mail/limits.h"

namespace mailstead::imap {

// The limit of all mailboxes, as announced; nullopt when there is none such.
[[nodiscard]] std::optional<mail::ByteCount> announced_limit(const Capabilities& capabilities);

// That, or where limits differ by mailbox and the message is no small one, what STATUS tells of the folder; nullopt
// when no limit is known.
[[nodiscard]] std::optional<mail::ByteCount> append_limit(Connection& connection, const std::string& wire,
                                                          mail::ByteCount message_size);

}  // namespace mailstead::imap
