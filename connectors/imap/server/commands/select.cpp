#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {
namespace {

void describe(const MailboxView& view, std::string& out) {
  view.append_known_flags(out);
  out += "* " + std::to_string(view.size()) + " EXISTS\r\n";
  out += "* " + std::to_string(view.recent_count()) + " RECENT\r\n";
  for (std::size_t i = 0; i < view.size(); ++i) {
    if ((view.entry(i).flags & mail::kSeen) != 0) continue;
    out += "* OK [UNSEEN " + std::to_string(i + 1) + "] First unseen.\r\n";
    break;
  }
  out += "* OK [UIDVALIDITY " + std::to_string(view.mailbox().uid_validity) + "] UIDs valid.\r\n";
  out += "* OK [UIDNEXT " + std::to_string(view.mailbox().uid_next) + "] Predicted next UID.\r\n";
}

Outcome open(Conversation& session, Request& request, bool read_only) {
  request.arguments.expect_space();
  std::string name = read_mailbox(request.arguments);
  request.arguments.expect_end();
  // RFC 3501 §6.3.1: whatever comes of it, the old selection ends.
  session.unselect();
  auto mailbox = session.mail().find(session.user, name);
  if (!mailbox) return refusal(storage::MailboxAnswer::kNoSuchMailbox);
  if (!mailbox->selectable) return no("[CANNOT] The mailbox holds only others and cannot be selected.");
  session.selected = MailboxView::open(session.mail(), mailbox->id, read_only, session.recent, session.wake);
  if (!session.selected) return refusal(storage::MailboxAnswer::kNoSuchMailbox);
  describe(*session.selected, request.output);
  return ok(read_only ? "[READ-ONLY] Examine completed." : "[READ-WRITE] Select completed.");
}

}  // namespace

Outcome select(Conversation& session, Request& request) {
  return open(session, request, false);
}

Outcome examine(Conversation& session, Request& request) {
  return open(session, request, true);
}

}  // namespace mailstead::imap::commands
