#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

Outcome starttls(Conversation& session, Request& request) {
  request.arguments.expect_end();
  if (session.peer.tls) return bad("TLS is in use already.");
  if (!session.context.starttls_available) return bad("TLS is not available here.");
  session.start_tls = true;
  return ok("Begin TLS negotiation now.");
}

}  // namespace mailstead::imap::commands
