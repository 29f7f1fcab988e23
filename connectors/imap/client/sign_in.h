// From a fresh connection to a signed-in session (RFC 3501 §3, §6.1–6.2): greeting, STARTTLS, authentication, ID.
//
// Nothing learnt before TLS is believed after it, nothing falls back to clear text, and nothing is sent to a peer whose
// greeting is not an IMAP server's. Failures: kAuthentication/kAccount with the server's words for a refused sign-in;
// kTemporary when it says that it is only unavailable; kPermanent/kAccount when STARTTLS is wanted and not offered.
#pragma once

#include <string>
#include <string_view>

#include "connectors/imap/client/session.h"
#include "connectors/net/dial.h"
#include "connectors/sasl/client.h"

namespace mailstead::imap {

struct SignedIn {
  std::string greeting;   // printable; empty when it came before TLS
  std::string mechanism;  // "PLAIN", "LOGIN command", "PREAUTH"
};

[[nodiscard]] SignedIn sign_in(Session& session, const net::Endpoint& endpoint, const sasl::Credentials& credentials);

// Its parts, in this order.
struct Greeting {
  std::string text;  // printable
  bool signed_in = false;
};
[[nodiscard]] Greeting read_greeting(Session& session);
void require_capabilities(Session& session);  // asks when not yet known
void start_tls(Session& session, const net::Endpoint& endpoint);
[[nodiscard]] std::string authenticate(Session& session, const net::Endpoint& endpoint,
                                       const sasl::Credentials& credentials);

}  // namespace mailstead::imap
