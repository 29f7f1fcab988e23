#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {
namespace {

Outcome change(Conversation& session, Request& request, bool on) {
  request.arguments.expect_space();
  std::string name = read_mailbox(request.arguments, session.enabled);
  request.arguments.expect_end();
  auto answer = session.mail().subscribe(session.user, name, on);
  if (answer != storage::MailboxAnswer::kDone) return refusal(answer);
  return ok(on ? "Subscribed." : "Unsubscribed.");
}

}  // namespace

Outcome subscribe(Conversation& session, Request& request) {
  return change(session, request, true);
}

Outcome unsubscribe(Conversation& session, Request& request) {
  return change(session, request, false);
}

}  // namespace mailstead::imap::commands
