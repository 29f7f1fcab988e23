#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

// RFC 2342: all mailboxes are the user's own.
Outcome name_space(Conversation&, Request& request) {
  request.arguments.expect_end();
  request.output += std::string("* NAMESPACE ((\"\" \"") + storage::kHierarchyDelimiter + "\")) NIL NIL\r\n";
  return ok("Namespace completed.");
}

}  // namespace mailstead::imap::commands
