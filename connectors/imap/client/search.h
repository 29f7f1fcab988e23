// UID SEARCH (RFC 3501 §6.4.4), for the few questions that retrieval asks.
#pragma once

#include <string_view>
#include <vector>

#include "connectors/imap/client/session.h"
#include "storage/types.h"

namespace mailstead::imap {

// Ascending. At most 200,000 (Failure kLimit beyond); throws kTemporary/kFolder when the server says NO.
[[nodiscard]] std::vector<storage::Uid> search_uids(Session& session, std::string_view criteria);

}  // namespace mailstead::imap
