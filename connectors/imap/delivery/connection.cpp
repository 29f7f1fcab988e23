#include "connectors/imap/delivery/connection.h"

#include <poll.h>

#include <utility>

#include "connectors/imap/client/select.h"
#include "connectors/imap/codec/cursor.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;

constexpr std::chrono::seconds kGoodbye{2};
constexpr std::size_t kMaxPermanentFlags = 1000;

// What is offered now decides how a literal is sent: it must be known, and be the server's own word.
void settle_capabilities(Session& session) {
  const Capabilities& offered = session.capabilities();
  // The sign-in has asked for them without waiting.
  if (!offered.known() || offered.has("XAPPLEPUSHSERVICE")) (void)session.run(CommandText("NOOP"));
  require_capabilities(session);
}

class SelectHandler final : public ResponseHandler {
 public:
  bool untagged(const Response& response) override {
    if (response.kind != Response::Kind::kStatus || !response.has_code("PERMANENTFLAGS")) return false;
    std::vector<std::string> flags;
    try {
      Cursor cursor(response.arguments);
      flags = cursor.expect_flag_list();
    } catch (const Failure&) {
      return false;  // QUIRK: FastMail, isync NEWS 1.4.1: malformed PERMANENTFLAGS; as good as none
    }
    if (flags.size() <= kMaxPermanentFlags) permanent = std::move(flags);
    return true;
  }
  PermanentFlags permanent;
};

}  // namespace

Connection::Connection(std::unique_ptr<net::Stream> stream, const net::Timeouts& timeouts)
    : session(std::move(stream), timeouts) {
  // A message must not travel behind a sign-in whose end is open: the answer to it would be in doubt, too.
  memory.pipelining = AccountMemory::Pipelining::kBreaks;
}

std::unique_ptr<Connection> open_connection(const ImapDestinationSettings& settings, const DeliveryDialer& dialer,
                                            const std::stop_token& stop) {
  const net::Endpoint& endpoint = settings.endpoint;
  auto stream = dialer(endpoint, net::Deadline::in(endpoint.timeouts.connect, stop));
  auto made = std::make_unique<Connection>(std::move(stream), endpoint.timeouts);
  Session& session = made->session;
  session.restart_clock(stop);
  made->signed_in = sign_in(session, endpoint, settings.credentials, made->memory);
  settle_capabilities(session);
  const Capabilities& offered = session.capabilities();
  if (offered.has("UTF8=ACCEPT") || offered.has("UTF8=ONLY"))
    (void)session.run(CommandText("ENABLE UTF8=ACCEPT"));  // refused: names and headers stay as they were
  return made;
}

bool still_lives(Connection& connection) {
  Session& session = connection.session;
  pollfd look{session.stream().descriptor(), POLLIN, 0};
  const bool in_hand = !session.reader().buffered().empty() || session.stream().has_pending();
  const bool spoke = look.fd < 0 || in_hand || ::poll(&look, 1, 0) != 0;
  if (!spoke) return true;
  try {
    return session.run(CommandText("NOOP")).ok();
  } catch (const Failure& failure) {
    if (failure.kind() == FailureKind::kCancelled) throw;
    return false;
  }
}

Completion select_folder(Connection& connection, const std::string& wire, bool writable) {
  Selected& selected = connection.selected;
  if (selected.wire == wire && (selected.writable || !writable)) return {};
  selected = {};
  SelectHandler handler;
  const Tag tag = begin_select(connection.session, wire, !writable);
  Completion end = connection.session.finish(tag, handler);
  if (!end.ok()) return end;
  selected = {wire, writable};
  if (writable) connection.permanent_flags[wire] = std::move(handler.permanent);
  return end;
}

void take_leave(Connection& connection) noexcept {
  try {
    Session& session = connection.session;
    session.restart_clock({});
    session.patience().idle = kGoodbye;
    session.patience().end = std::chrono::steady_clock::now() + kGoodbye;
    session.say_goodbye();
  } catch (...) {
    // It has gone already.
  }
}

}  // namespace mailstead::imap
