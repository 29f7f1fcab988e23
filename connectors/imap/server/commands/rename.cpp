#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {
namespace {

// RFC 3501 §6.3.5: INBOX stays, empty; its messages go to the new mailbox.
Outcome rename_inbox(Conversation& session, const std::string& to) {
  auto answer = session.mail().create(session.user, to, "");
  if (answer != storage::MailboxAnswer::kDone) return refusal(answer);
  auto inbox = session.mail().find(session.user, "INBOX");
  auto snapshot = inbox ? session.mail().open(inbox->id) : std::nullopt;
  if (!snapshot) return ok("Mailbox renamed.");
  std::vector<storage::Uid> uids;
  uids.reserve(snapshot->entries.size());
  for (const auto& entry : snapshot->entries) uids.push_back(entry.uid);
  if (!uids.empty()) {
    auto moved = session.mail().move(inbox->id, uids, session.user, to);
    if (moved.answer != storage::MailboxAnswer::kDone) return refusal(moved.answer);
  }
  if (session.selected) session.view().mark_dirty();
  return ok("Messages of INBOX moved.");
}

}  // namespace

Outcome rename(Conversation& session, Request& request) {
  request.arguments.expect_space();
  std::string from = read_mailbox(request.arguments);
  request.arguments.expect_space();
  std::string to = read_mailbox(request.arguments);
  request.arguments.expect_end();
  if (to.size() > 1 && to.back() == storage::kHierarchyDelimiter) to.pop_back();
  if (from == "INBOX") return rename_inbox(session, to);
  auto answer = session.mail().rename(session.user, from, to);
  return answer == storage::MailboxAnswer::kDone ? ok("Mailbox renamed.") : refusal(answer);
}

}  // namespace mailstead::imap::commands
