// The end of a session: DELE for what is durable at home, and QUIT, which alone makes deletions true (RFC 1939 §6).
#pragma once

#include <string>
#include <vector>

#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/client/maildrop.h"

namespace mailstead::pop3 {

// Marks the messages for deletion; those that the server marked. Nothing is deleted before quit().
[[nodiscard]] std::vector<const ListedMessage*> mark_deleted(Connection& connection, bool pipelining,
                                                             const std::vector<const ListedMessage*>& messages,
                                                             std::vector<std::string>& warnings);

// True: the server answered +OK, deletions are done. False: it refused or went away, nobody knows what was deleted;
// `why` says so. Never throws but for a stop request.
[[nodiscard]] bool quit(Connection& connection, std::string& why);

}  // namespace mailstead::pop3
