// Gmail's labels (X-GM-EXT-1) on a message that was just put there.
#pragma once

#include <string>
#include <vector>

#include "connectors/imap/delivery/connection.h"
#include "storage/types.h"

namespace mailstead::imap {

// Adds them: "", or why that did not work, printable. Nothing is thrown, since the message is there whatever becomes of
// its labels; a session that broke is of no use any more, and `broken` says so.
[[nodiscard]] std::string store_labels(Connection& connection, const std::string& wire, storage::Uid uid,
                                       const std::vector<std::string>& labels, bool& broken);

}  // namespace mailstead::imap
