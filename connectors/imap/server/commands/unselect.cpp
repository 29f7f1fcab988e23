#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

// RFC 3691.
Outcome unselect(Conversation& session, Request& request) {
  request.arguments.expect_end();
  session.unselect();
  return ok("Mailbox closed.");
}

}  // namespace mailstead::imap::commands
