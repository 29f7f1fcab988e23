#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {

// The message has been streamed to the store when this is called; target and existence were checked before.
Outcome append(Conversation& session, Request& request) {
  if (!session.incoming) reject("expected a mailbox and a message as a literal");
  // Behind the announcement of the literal nothing may follow (MULTIAPPEND is not offered).
  if (!request.arguments.rest().ends_with("}\r\n")) reject("expected the end of the command behind the message");
  storage::NewContent content = session.incoming->finish();
  const AppendTarget& target = session.incoming->target();
  auto appended = session.mail().append(session.user, target.mailbox, std::move(content), target.flags,
                                        target.date.value_or(session.context.clock.wall()));
  if (appended.answer != storage::MailboxAnswer::kDone) return target_refusal(appended.answer);
  if (session.selected) session.view().mark_dirty();
  return ok("[APPENDUID " + std::to_string(appended.uid_validity) + " " + std::to_string(appended.uid) +
            "] Append completed.");
}

}  // namespace mailstead::imap::commands
