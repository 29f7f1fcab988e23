#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

// RFC 3501 §6.4.2: what is \Deleted goes without a word, unless the mailbox was opened read-only.
Outcome close(Conversation& session, Request& request) {
  request.arguments.expect_end();
  if (!session.view().read_only()) (void)session.mail().expunge(session.view().mailbox().id, std::nullopt, false);
  session.unselect();
  return ok("Mailbox closed.");
}

}  // namespace mailstead::imap::commands
