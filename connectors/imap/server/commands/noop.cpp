#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

Outcome noop(Conversation&, Request& request) {
  request.arguments.expect_end();
  return ok("Nothing done.");
}

}  // namespace mailstead::imap::commands
