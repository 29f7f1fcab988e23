#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/uid_list.h"

namespace mailstead::imap::commands {

// The messages have been streamed to the store when this is called; target and existence were checked before.
Outcome append(Conversation& session, Request& request) {
  if (!session.incoming) reject("expected a mailbox and a message as a literal");
  auto messages = session.incoming->finish(request.text, session.context.clock.wall());
  auto appended = session.mail().append_all(session.user, session.incoming->mailbox(), std::move(messages));
  if (appended.answer != storage::MailboxAnswer::kDone) return target_refusal(appended.answer);
  if (session.selected) session.view().mark_dirty();
  return ok("[APPENDUID " + std::to_string(appended.uid_validity) + " " + uid_list(appended.uids) +
            "] Append completed.");
}

}  // namespace mailstead::imap::commands
