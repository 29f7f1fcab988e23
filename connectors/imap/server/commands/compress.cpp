#include "connectors/imap/server/commands/commands.h"

#include "mail/header.h"

namespace mailstead::imap::commands {

// RFC 4978. The answer is the last that goes in the clear.
Outcome compress(Conversation& session, Request& request) {
  request.arguments.expect_space();
  if (!mail::iequals(request.arguments.expect_atom(), "DEFLATE")) return no("[CANNOT] Only DEFLATE is known.");
  request.arguments.expect_end();
  if (session.compressed) return no("[COMPRESSIONACTIVE] DEFLATE is active already.");
  session.compressed = session.start_compression = true;
  return ok("DEFLATE begins.");
}

}  // namespace mailstead::imap::commands
