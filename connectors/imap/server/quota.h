// What a user may keep here, and what he keeps (RFC 9208): one quota root, "", for all of his mailboxes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "connectors/imap/server/conversation.h"
#include "mail/limits.h"

namespace mailstead::imap {

// "* QUOTA …" for the user; he must have one.
void append_quota(const Conversation& session, std::string& out);
// The refusal of what would be too much; nullopt: it fits, or there is no quota. `freed` octets go at the same time.
[[nodiscard]] std::optional<Answer> over_quota(const Conversation& session, mail::ByteCount octets,
                                               std::uint64_t messages, mail::ByteCount freed = 0);

}  // namespace mailstead::imap
