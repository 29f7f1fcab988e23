// The end of a session: DELE for what is durable at home, and QUIT, which alone makes deletions true (RFC 1939 §6).
#pragma once

#include <string>
#include <vector>

#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/client/maildrop.h"

namespace mailstead::pop3 {

struct Deletion {
  std::vector<const ListedMessage*> marked;  // by the server's +OK
  // The server answered +OK to QUIT: they are gone. False: it refused or went away, nobody knows what was deleted;
  // `why` says so.
  bool confirmed = false;
  std::string why;
};

// Marks the messages for deletion and ends the session; with `pipelining` QUIT leaves with the last DELE. Throws as
// Connection while answers to DELE are missing, and for a stop request.
[[nodiscard]] Deletion delete_and_quit(Connection& connection, bool pipelining,
                                       const std::vector<const ListedMessage*>& messages,
                                       std::vector<std::string>& warnings);

// Ends a session in which nothing was deleted: the answer to QUIT says nothing then and is not waited for.
void leave(Connection& connection);

}  // namespace mailstead::pop3
