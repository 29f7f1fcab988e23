#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {

Outcome create(Conversation& session, Request& request) {
  request.arguments.expect_space();
  std::string name = read_mailbox(request.arguments);
  request.arguments.expect_end();
  // RFC 3501 §6.3.3: a final delimiter only announces that others will stand below.
  if (name.size() > 1 && name.back() == storage::kHierarchyDelimiter) name.pop_back();
  auto answer = session.mail().create(session.user, name, "");
  return answer == storage::MailboxAnswer::kDone ? ok("Mailbox created.") : refusal(answer);
}

}  // namespace mailstead::imap::commands
