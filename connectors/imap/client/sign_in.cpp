#include "connectors/imap/client/sign_in.h"

#include "connectors/imap/client/server_quirks.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

void send_id(Session& session) {
  session.send_unwatched(CommandText(R"(ID ("name" "Mailstead"))"));
}

// What may change with the sign-in is asked for when its end did not tell.
void ask_for_more(Session& session, AccountMemory& memory, const Start& start) {
  if (start.pipelined) return;
  memory.tells_after = session.announcements() > start.announcements;
  bool told = memory.tells_after && session.capabilities().known();
  // QUIRK: iCloud, isync drv_imap.c:2725: what its proxy puts into answers is not what the server can do.
  if (told && !session.capabilities().has("XAPPLEPUSHSERVICE")) return;
  // QUIRK: Exchange, isync NEWS 1.5.0: announces more after the sign-in, and only when asked.
  session.send_unwatched(CommandText("CAPABILITY"));
  // Until the answer comes.
  if (!told) session.capabilities() = memory.after;
}

}  // namespace

SignedIn sign_in(Session& session, const net::Endpoint& endpoint, const sasl::Credentials& credentials,
                 AccountMemory& memory) {
  SignedIn result;
  Greeting greeting = read_greeting(session);
  bool wants_tls = endpoint.tls == net::TlsMode::kStartTls;
  if (greeting.signed_in) {
    // A forged PREAUTH would take us past STARTTLS (RFC 9051 §7.1.4).
    if (wants_tls) {
      throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                    "the server greeted with PREAUTH before TLS; the connection was dropped");
    }
    require_capabilities(session);
    result.greeting = greeting.text;
    result.mechanism = "PREAUTH";
    return result;
  }
  if (wants_tls) {
    start_tls(session, endpoint, memory);
  } else {
    result.greeting = greeting.text;
  }
  // What is remembered will do: the sign-in need not wait for the announcement. In the clear a server may have thought
  // better of it (LOGINDISABLED), so that it is asked.
  bool is_private = session.stream().tls().has_value() || peer_is_local(session, endpoint);
  if (!memory.before.known() || !is_private) require_capabilities(session);
  bool id = (session.capabilities().known() ? session.capabilities() : memory.before).has("ID");
  const bool id_first = quirks_of(endpoint.host).id_first;
  if (id_first && id) send_id(session);
  std::string mechanism = authenticate(session, endpoint, credentials, memory, result.start);
  ask_for_more(session, memory, *result.start);
  // QUIRK: NetEase, offlineimap#696: refuses SELECT unless ID came after the sign-in.
  if (!id_first && (session.capabilities().known() ? session.capabilities().has("ID") : id)) send_id(session);
  result.mechanism = mechanism.empty() ? "LOGIN command" : mechanism;
  return result;
}

}  // namespace mailstead::imap
