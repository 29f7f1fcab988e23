#include "connectors/imap/server/commands/commands.h"

#include "mail/failure.h"
#include "mail/header.h"

namespace mailstead::imap::commands {
namespace {

constexpr std::size_t kMaxDone = 256;

// RFC 2177. Woken by the store's notification; says what changed and waits on.
class IdleTask final : public Task {
 public:
  explicit IdleTask(Conversation& session) : session_(session) {}
  ~IdleTask() override {
    if (session_.selected) session_.view().set_idling(false);
  }

  Step run(std::string& output) override {
    if (!begun_) {
      begun_ = true;
      output += "+ idling\r\n";
    }
    if (!session_.selected) return Step::kWaitsForLine;
    MailboxView& view = session_.view();
    // Set before looking: a change in between wakes us again.
    view.set_idling(true);
    if (!view.pull()) return gone(output);
    return view.tell(output, true) ? Step::kWaitsForLine : Step::kMore;
  }

  Step line(std::string_view text, std::string&) override {
    if (!mail::iequals(text, "DONE")) return done(Answer::Kind::kBad, "Expected DONE.");
    return done(Answer::Kind::kOk, "Idle ended.");
  }

  [[nodiscard]] std::size_t line_limit() const noexcept override { return kMaxDone; }

 private:
  Step gone(std::string& output) {
    output += "* BYE The selected mailbox was deleted.\r\n";
    session_.unselect();
    session_.closing = true;
    return done(Answer::Kind::kNo, "[NONEXISTENT] The selected mailbox was deleted.");
  }

  Conversation& session_;
  bool begun_ = false;
};

}  // namespace

Outcome idle(Conversation& session, Request& request) {
  request.arguments.expect_end();
  return std::make_unique<IdleTask>(session);
}

}  // namespace mailstead::imap::commands
