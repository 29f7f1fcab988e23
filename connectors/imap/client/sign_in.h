// From a fresh connection to a signed-in session (RFC 3501 §3, §6.1–6.2): greeting, STARTTLS, authentication, ID.
//
// Nothing learnt before TLS is believed after it, nothing falls back to clear text, and nothing is sent to a peer whose
// greeting is not an IMAP server's. Failures: kAuthentication/kAccount with the server's words for a refused sign-in;
// kTemporary when it says that it is only unavailable; kPermanent/kAccount when STARTTLS is wanted and not offered.
//
// With a server that is known to take it, the sign-in is only begun: its command gathers in the session, so that what
// the caller sends next travels with it. Its refusal is then thrown by the session's next step(), and what travelled
// behind it simply fails. Never behind STARTTLS, and only from the last message of the exchange on.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/session.h"
#include "connectors/net/dial.h"
#include "connectors/sasl/client.h"

namespace mailstead::imap {

// How far a session's start is.
struct Start {
  bool pipelined = false;         // the sign-in's answer is not waited for
  bool trial = false;             // it is, but a command travelled behind it, to learn whether the server takes that
  bool accepted = false;          // the sign-in's answer came, and was OK
  bool answered = false;          // so was that of the command right behind it
  bool refused = false;           // the sign-in of a pipelined start was, and not for the credentials
  bool verdict = false;           // the server refused the sign-in: asking again otherwise would not help
  bool stale = false;             // the server no longer offers what was remembered
  std::size_t announcements = 0;  // of capabilities, before the sign-in

  // A failure now may be for the pipelining alone.
  [[nodiscard]] bool in_doubt() const noexcept { return (pipelined || trial) && !answered && !verdict; }
};

struct SignedIn {
  std::string greeting;   // printable; empty when it came before TLS
  std::string mechanism;  // "PLAIN", "LOGIN command", "PREAUTH"
  std::shared_ptr<Start> start = std::make_shared<Start>();
};

// `memory` must outlive the session. It is used, corrected and filled.
[[nodiscard]] SignedIn sign_in(Session& session, const net::Endpoint& endpoint, const sasl::Credentials& credentials,
                               AccountMemory& memory);

// Whether the peer is this machine: a password may go in the clear to it.
[[nodiscard]] bool peer_is_local(Session& session, const net::Endpoint& endpoint);

// Its parts, in this order.
struct Greeting {
  std::string text;  // printable
  bool signed_in = false;
};
[[nodiscard]] Greeting read_greeting(Session& session);
void require_capabilities(Session& session);  // asks when not yet known
void start_tls(Session& session, const net::Endpoint& endpoint, const AccountMemory& memory);
// Answers the mechanism's name, "" for the LOGIN command. Without announced capabilities those of memory.before serve,
// and the announcement is asked for in the same write.
[[nodiscard]] std::string authenticate(Session& session, const net::Endpoint& endpoint,
                                       const sasl::Credentials& credentials, AccountMemory& memory,
                                       const std::shared_ptr<Start>& start);

}  // namespace mailstead::imap
