#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/message_set.h"
#include "connectors/imap/server/quota.h"
#include "connectors/imap/server/uid_list.h"

namespace mailstead::imap::commands {
namespace {

struct Transfer {
  std::vector<storage::Uid> uids;
  mail::ByteCount octets = 0;
  bool some_gone = false;
  std::string to;
};

Transfer read_transfer(Conversation& session, Request& request) {
  Transfer transfer;
  request.arguments.expect_space();
  const MailboxView& view = session.view();
  auto positions = read_message_set(request.arguments, view, request.by_uid);
  request.arguments.expect_space();
  transfer.to = read_mailbox(request.arguments, session.enabled);
  request.arguments.expect_end();
  for (std::uint32_t position : positions) {
    if (view.gone(position)) {
      transfer.some_gone = true;
    } else {
      transfer.uids.push_back(view.entry(position).uid);
      transfer.octets += view.entry(position).size;
    }
  }
  return transfer;
}

Answer nothing_to_do(const Conversation& session, const Transfer& transfer) {
  if (!session.mail().find(session.user, transfer.to)) return target_refusal(storage::MailboxAnswer::kNoSuchMailbox);
  if (transfer.some_gone) return no("[EXPUNGEISSUED] The messages no longer exist.");
  return ok("No message is meant.");
}

}  // namespace

Outcome copy(Conversation& session, Request& request) {
  Transfer transfer = read_transfer(session, request);
  if (transfer.uids.empty()) return nothing_to_do(session, transfer);
  // RFC 3501 §6.4.7, RFC 2180 §4.4: all or nothing.
  if (transfer.some_gone && !request.by_uid) return no("[EXPUNGEISSUED] Some of the messages no longer exist.");
  if (auto refused = over_quota(session, transfer.octets, transfer.uids.size())) return *std::move(refused);
  auto copied = session.mail().copy(session.view().mailbox().id, transfer.uids, session.user, transfer.to);
  if (copied.answer != storage::MailboxAnswer::kDone) return target_refusal(copied.answer);
  session.view().mark_dirty();  // the target may be the selected mailbox
  if (copied.to.empty()) return no("[EXPUNGEISSUED] The messages no longer exist.");
  return ok("[COPYUID " + std::to_string(copied.uid_validity) + " " + uid_list(copied.from) + " " +
            uid_list(copied.to) + "] Copy completed.");
}

// RFC 6851: COPYUID comes untagged, before the EXPUNGEs.
Outcome move(Conversation& session, Request& request) {
  Transfer transfer = read_transfer(session, request);
  if (session.view().read_only()) return no("[READ-ONLY] The mailbox was opened read-only.");
  if (transfer.uids.empty()) return nothing_to_do(session, transfer);
  auto moved = session.mail().move(session.view().mailbox().id, transfer.uids, session.user, transfer.to);
  if (moved.answer != storage::MailboxAnswer::kDone) return target_refusal(moved.answer);
  session.view().mark_dirty();
  if (moved.to.empty()) return no("[EXPUNGEISSUED] The messages no longer exist.");
  request.output += "* OK [COPYUID " + std::to_string(moved.uid_validity) + " " + uid_list(moved.from) + " " +
                    uid_list(moved.to) + "] Moved.\r\n";
  Answer answer = ok("Move completed.");
  answer.says_modseq = true;
  return answer;
}

}  // namespace mailstead::imap::commands
