#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/status_items.h"

namespace mailstead::imap::commands {

Outcome status(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  std::string name = read_mailbox(arguments, session.enabled);
  arguments.expect_space();
  auto items = read_status_items(arguments);
  arguments.expect_end();
  note_status_items(session, items, request.output);
  auto mailbox = session.mail().find(session.user, name);
  if (!mailbox) return refusal(storage::MailboxAnswer::kNoSuchMailbox);
  if (!mailbox->selectable) return no("[CANNOT] The mailbox holds only others.");
  append_status(session, *mailbox, items, request.output);
  return ok("Status completed.");
}

}  // namespace mailstead::imap::commands
