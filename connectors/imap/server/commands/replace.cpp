#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/message_set.h"
#include "connectors/imap/server/quota.h"
#include "connectors/imap/server/uid_list.h"

namespace mailstead::imap::commands {

// RFC 8508: a draft goes for its next form, in one. As with APPEND the message is with the store already.
Outcome replace(Conversation& session, Request& request) {
  if (!session.incoming) reject("expected a message, a mailbox and another message as a literal");
  request.arguments.expect_space();
  MailboxView& view = session.view();
  auto positions = read_message_set(request.arguments, view, request.by_uid);
  auto messages = session.incoming->finish(request.text, session.context.clock.wall());
  if (view.read_only()) return no("[READ-ONLY] The mailbox was opened read-only.");
  if (positions.size() != 1 || view.gone(positions.front())) return no("[EXPUNGEISSUED] The message no longer exists.");
  const storage::Entry& old = view.entry(positions.front());
  if (auto refused = over_quota(session, messages.front().content.bytes->size(), 0, old.size))
    return *std::move(refused);
  auto replaced = session.mail().replace(view.mailbox().id, old.uid, session.user, session.incoming->mailbox(),
                                         std::move(messages.front()));
  view.mark_dirty();
  if (replaced.answer != storage::MailboxAnswer::kDone) return target_refusal(replaced.answer);
  if (replaced.uids.empty()) return no("[EXPUNGEISSUED] The message no longer exists.");
  request.output +=
      "* OK [APPENDUID " + std::to_string(replaced.uid_validity) + " " + uid_list(replaced.uids) + "] Replaced.\r\n";
  Answer answer = ok("Replace completed.");
  answer.says_modseq = true;
  return answer;
}

}  // namespace mailstead::imap::commands
