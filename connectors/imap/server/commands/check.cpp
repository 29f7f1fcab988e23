#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

// Every change is durable when it is answered: there is no other checkpoint.
Outcome check(Conversation&, Request& request) {
  request.arguments.expect_end();
  return ok("Check completed.");
}

}  // namespace mailstead::imap::commands
