#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {

// RFC 5161: what is not known is passed over; the answer names what is on because of this command.
Outcome enable(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  std::string turned_on;
  const bool had_modseq = session.enabled.condstore;
  arguments.expect_space();
  do {
    std::string name(arguments.expect_atom());
    if (const std::string_view known = session.enabled.turn_on(name); !known.empty())
      turned_on += ' ' + std::string(known);
  } while (arguments.try_char(' '));
  arguments.expect_end();
  request.output += "* ENABLED" + turned_on + "\r\n";
  if (session.selected && session.enabled.condstore && !had_modseq)
    session.view().append_highest_modseq(request.output);
  return ok("Enable completed.");
}

}  // namespace mailstead::imap::commands
