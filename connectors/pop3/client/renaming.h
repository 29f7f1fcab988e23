// A server that has given all its messages other UIDLs at once (moved, restored, another UIDL format): they are known
// again by size and header, so that nothing is fetched twice in bulk.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "connectors/pop3/client/maildrop.h"
#include "storage/ledger.h"

namespace mailstead::pop3 {

// Nearly all that the ledger knows is gone, and nearly all that is listed is new.
[[nodiscard]] bool looks_renamed(const Maildrop& maildrop);

// Asks for the headers of what is new (TOP n 0) and finds each among what is gone: by Message-ID and size, by a
// Message-ID that no other has on either side, or without one by From, Subject and size where these tell them apart.
// Those found count as known and no longer as gone; their old and new names. The rest is fetched, and recognised by
// its fingerprint if it is no news after all.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> match_renamed(Connection& connection, bool pipelining,
                                                                             Maildrop& maildrop,
                                                                             const storage::Ledger& ledger,
                                                                             const std::string& account);

}  // namespace mailstead::pop3
