#include "connectors/imap/client/sign_in.h"
#include "mail/failure.h"

namespace mailstead::imap {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

namespace {

void require_offer(Session& session) {
  if (session.capabilities().has("STARTTLS")) return;
  throw Failure(FailureKind::kPermanent, FailureScope::kAccount,
                "the server does not offer STARTTLS: \"tls\": \"implicit\" may serve; nothing was sent in the clear");
}

}  // namespace

void start_tls(Session& session, const net::Endpoint& endpoint, const AccountMemory& memory) {
  // A server that is remembered offered it: asking first would cost a round trip and protect nothing.
  if (!memory.before.known()) require_capabilities(session);
  if (session.capabilities().known()) require_offer(session);
  Completion end = session.run(CommandText("STARTTLS"));
  if (!end.ok()) {
    require_capabilities(session);
    require_offer(session);
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, "the server refused STARTTLS: " + end.text);
  }
  session.reader().require_empty();
  session.stream().start_tls(endpoint.tls_settings, endpoint.host, session.patience().for_line());
  session.forget_all();
}

}  // namespace mailstead::imap
