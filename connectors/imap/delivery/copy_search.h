// Whether a folder holds a message already: asked after an attempt whose answer was lost (RFC 1047), so that nothing
// arrives twice, and with care, so that nothing is taken for there that is not.
//
// Looked at is what SEARCH finds by the Message-ID (without one: by internal date and size) and, because some servers'
// indexes lag or lie, what arrived last. Taken for the same is only a message
//   - whose octets are ours, line ends apart (StoredMark); or
//   - of another size, with our Message-ID, our internal date and every field of our header (but those of MIME),
//     Received fields with their times and ids among them: servers that store mail in a form of their own change the
//     rest.
#pragma once

#include <optional>
#include <string>

#include "connectors/destination.h"
#include "connectors/imap/delivery/connection.h"
#include "connectors/imap/delivery/octets.h"
#include "connectors/imap/delivery/target_folder.h"
#include "storage/types.h"

namespace mailstead::imap {

inline constexpr std::size_t kMostLookedAt = 2000;  // candidates whose size and date are asked for
inline constexpr std::size_t kMostCompared = 20;    // of them, downloaded
inline constexpr std::uint32_t kLastArrived = 200;  // UIDs below UIDNEXT that are looked at besides

// The UID of the newest copy; nullopt when there is none, or no such folder. `octets` with its mark. Throws
// Failure(kTemporary) when the server will not say: the message stays in doubt.
[[nodiscard]] std::optional<storage::Uid> find_copy(Connection& connection, const TargetFolder& target,
                                                    const delivery::Outgoing& message, const MessageOctets& octets);

// Every field of `ours` but those of MIME is in `theirs`, blanks and folds apart, as often; without a Received field
// among them that says nothing. Pure.
[[nodiscard]] bool header_is_within(std::string_view ours, std::string_view theirs);

}  // namespace mailstead::imap
