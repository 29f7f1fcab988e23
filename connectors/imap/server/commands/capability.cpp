#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

Outcome capability(Conversation& session, Request& request) {
  request.arguments.expect_end();
  request.output += "* CAPABILITY " + session.capabilities() + "\r\n";
  return ok("Capability completed.");
}

}  // namespace mailstead::imap::commands
