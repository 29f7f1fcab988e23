#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {

Outcome remove(Conversation& session, Request& request) {
  request.arguments.expect_space();
  std::string name = read_mailbox(request.arguments, session.enabled);
  request.arguments.expect_end();
  auto mailbox = session.mail().find(session.user, name);
  auto answer = session.mail().remove(session.user, name);
  if (answer != storage::MailboxAnswer::kDone) return refusal(answer);
  // Who deletes what he has selected knows it; other sessions get a BYE.
  if (session.selected && mailbox && session.view().mailbox().id == mailbox->id) session.unselect();
  return ok("Mailbox deleted.");
}

}  // namespace mailstead::imap::commands
