#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {

// RENAME of INBOX leaves an empty INBOX behind (RFC 3501 §6.3.5): the store sees to it.
Outcome rename(Conversation& session, Request& request) {
  request.arguments.expect_space();
  std::string from = read_mailbox(request.arguments, session.enabled);
  request.arguments.expect_space();
  std::string to = read_mailbox(request.arguments, session.enabled);
  request.arguments.expect_end();
  if (to.size() > 1 && to.back() == storage::kHierarchyDelimiter) to.pop_back();
  auto answer = session.mail().rename(session.user, from, to);
  if (session.selected) session.view().mark_dirty();
  return answer == storage::MailboxAnswer::kDone ? ok("Mailbox renamed.") : refusal(answer);
}

}  // namespace mailstead::imap::commands
