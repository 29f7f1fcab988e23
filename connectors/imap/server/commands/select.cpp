#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/object_id.h"
#include "connectors/imap/server/resynchronization.h"

namespace mailstead::imap::commands {
namespace {

struct Arguments {
  std::string name;
  bool condstore = false;
  std::optional<Resynchronization> resync;
};

// RFC 3501 §6.3.1, RFC 4466 §2.1 (parameters), RFC 7162 §3.1.8 and §3.2.5.
Arguments read_arguments(Cursor& cursor, const Enabled& enabled) {
  Arguments arguments;
  cursor.expect_space();
  arguments.name = read_mailbox(cursor, enabled);
  if (cursor.try_char(' ')) {
    cursor.expect_list([&] {
      std::string parameter = read_item_name(cursor);
      if (parameter == "CONDSTORE") {
        arguments.condstore = true;
      } else if (parameter == "QRESYNC" && !arguments.resync) {
        cursor.expect_space();
        arguments.resync = read_resynchronization(cursor);
      } else {
        reject("unknown parameter");
      }
    });
  }
  cursor.expect_end();
  return arguments;
}

void describe(const MailboxView& view, const Enabled& enabled, std::string& out) {
  view.append_known_flags(out);
  out += "* " + std::to_string(view.size()) + " EXISTS\r\n";
  // IMAP4rev2 wants the name and has neither of the others (RFC 9051 §6.3.2).
  if (enabled.rev2) {
    out += std::string("* LIST () \"") + storage::kHierarchyDelimiter + "\" ";
    append_mailbox(out, view.mailbox().name, enabled);
    out += "\r\n";
  } else {
    out += "* " + std::to_string(view.recent_count()) + " RECENT\r\n";
  }
  for (std::size_t i = 0; i < view.size() && !enabled.rev2; ++i) {
    if ((view.entry(i).flags & mail::kSeen) != 0) continue;
    out += "* OK [UNSEEN " + std::to_string(i + 1) + "] First unseen.\r\n";
    break;
  }
  out += "* OK [UIDVALIDITY " + std::to_string(view.mailbox().uid_validity) + "] UIDs valid.\r\n";
  out += "* OK [UIDNEXT " + std::to_string(view.mailbox().uid_next) + "] Predicted next UID.\r\n";
  view.append_highest_modseq(out);
  out += "* OK [MAILBOXID (" + mailbox_object_id(view.mailbox().id) + ")] Its name for good.\r\n";
}

// What a returning client missed: first what went, then what changed.
class ResynchronizeTask final : public Task {
 public:
  ResynchronizeTask(Conversation& session, Resynchronization resync, Answer answer)
      : session_(session), resync_(std::move(resync)), end_(std::move(answer)) {}

  Step run(std::string& output) override {
    const MailboxView& view = session_.view();
    if (!begun_) tell_vanished_earlier(session_.mail(), view, resync_, output);
    begun_ = true;
    for (; next_ < view.size(); ++next_) {
      if (output.size() > net::kOutputHighWater) return Step::kMore;
      if (view.entry(next_).modseq > resync_.modseq && known(view.entry(next_).uid)) view.append_state(output, next_);
    }
    return done(end_.kind, end_.text);
  }

 private:
  [[nodiscard]] bool known(storage::Uid uid) const { return !resync_.known || resync_.known->contains(uid); }

  Conversation& session_;
  Resynchronization resync_;
  Answer end_;
  bool begun_ = false;
  std::size_t next_ = 0;
};

Outcome open(Conversation& session, Request& request, bool read_only) {
  Arguments arguments = read_arguments(request.arguments, session.enabled);
  if (arguments.resync && !session.enabled.qresync) reject("QRESYNC needs ENABLE QRESYNC before");
  // RFC 3501 §6.3.1: whatever comes of it, the old selection ends; what was said so far was about that one.
  if (session.selected) request.output += "* OK [CLOSED] The previous mailbox is closed.\r\n";
  session.unselect();
  if (arguments.condstore) session.use_modseq(request.output);
  auto mailbox = session.mail().find(session.user, arguments.name);
  if (!mailbox) return refusal(storage::MailboxAnswer::kNoSuchMailbox);
  if (!mailbox->selectable) return no("[CANNOT] The mailbox holds only others and cannot be selected.");
  session.selected =
      MailboxView::open(session.mail(), mailbox->id, read_only, session.enabled, session.recent, session.wake);
  if (!session.selected) return refusal(storage::MailboxAnswer::kNoSuchMailbox);
  describe(*session.selected, session.enabled, request.output);
  Answer answer = ok(read_only ? "[READ-ONLY] Examine completed." : "[READ-WRITE] Select completed.");
  // RFC 7162 §3.2.5: with another UIDVALIDITY nothing that the client knows holds.
  if (!arguments.resync || arguments.resync->uid_validity != session.view().mailbox().uid_validity) return answer;
  return std::make_unique<ResynchronizeTask>(session, std::move(*arguments.resync), std::move(answer));
}

}  // namespace

Outcome select(Conversation& session, Request& request) {
  return open(session, request, false);
}

Outcome examine(Conversation& session, Request& request) {
  return open(session, request, true);
}

}  // namespace mailstead::imap::commands
