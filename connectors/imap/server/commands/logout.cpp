#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

Outcome logout(Conversation& session, Request& request) {
  request.arguments.expect_end();
  session.unselect();
  session.closing = true;
  request.output += "* BYE Logging out.\r\n";
  return ok("Logout completed.");
}

}  // namespace mailstead::imap::commands
