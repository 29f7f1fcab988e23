#include "connectors/imap/client/sign_in.h"

#include "mail/ascii.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

bool host_is_yahoo(const std::string& host) {
  std::string name = mail::lowered(host);
  for (std::string_view domain : {"yahoo.com", "yahoo.co.jp", "aol.com", "yahoodns.net"}) {
    if (name.ends_with(domain)) return true;
  }
  return false;
}

void send_id(Session& session) {
  if (session.capabilities().has("ID")) session.send_unwatched(CommandText(R"(ID ("name" "Mailstead"))"));
}

}  // namespace

SignedIn sign_in(Session& session, const net::Endpoint& endpoint, const sasl::Credentials& credentials) {
  Greeting greeting = read_greeting(session);
  bool wants_tls = endpoint.tls == net::TlsMode::kStartTls;
  if (greeting.signed_in) {
    // A forged PREAUTH would take us past STARTTLS (RFC 9051 §7.1.4).
    if (wants_tls) {
      throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                    "the server greeted with PREAUTH before TLS; the connection was dropped");
    }
    require_capabilities(session);
    return {greeting.text, "PREAUTH"};
  }
  if (wants_tls) {
    start_tls(session, endpoint);
    greeting.text.clear();
  }
  require_capabilities(session);
  bool yahoo = host_is_yahoo(endpoint.host);
  // QUIRK: Yahoo, fetchmail imap.c:587: wants ID before the sign-in.
  if (yahoo) send_id(session);
  std::string mechanism = authenticate(session, endpoint, credentials);
  // QUIRK: Exchange, isync NEWS 1.5.0: announces more after the sign-in, and only when asked.
  if (!session.capabilities().known()) session.send_unwatched(CommandText("CAPABILITY"));
  // QUIRK: NetEase, offlineimap#696: refuses SELECT unless ID came after the sign-in.
  if (!yahoo) send_id(session);
  return {greeting.text, std::move(mechanism)};
}

}  // namespace mailstead::imap
