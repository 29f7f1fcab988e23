#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/message_set.h"

namespace mailstead::imap::commands {

// EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1). The untagged EXPUNGEs follow from the change itself.
Outcome expunge(Conversation& session, Request& request) {
  MailboxView& view = session.view();
  std::optional<std::vector<storage::Uid>> uids;
  if (request.by_uid) {
    request.arguments.expect_space();
    uids.emplace();
    for (std::uint32_t position : read_message_set(request.arguments, view, true))
      uids->push_back(view.entry(position).uid);
  }
  request.arguments.expect_end();
  if (view.read_only()) return no("[READ-ONLY] The mailbox was opened read-only.");
  Answer answer = ok("Expunge completed.");
  if (!uids || !uids->empty()) {
    answer.says_modseq = !session.mail().expunge(view.mailbox().id, uids, false).empty();
    view.mark_dirty();
  }
  return answer;
}

}  // namespace mailstead::imap::commands
