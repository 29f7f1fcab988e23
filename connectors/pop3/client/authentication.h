// The AUTHORIZATION state: which way to sign in, and the way itself (RFC 1939 §7, RFC 5034).
#pragma once

#include <string>

#include "connectors/net/endpoint.h"
#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/codec/capabilities.h"
#include "connectors/sasl/client.h"

namespace mailstead::pop3 {

struct SignInRequest {
  const Capabilities& capabilities;
  const std::string& greeting;  // as it came: APOP's challenge
  const sasl::Credentials& credentials;
  const net::Endpoint& endpoint;
  // Commands, multi-line ones all, that leave in one flight with the last word of the sign-in (RFC 2449 §6.6). Empty:
  // none, and USER waits for its answer before PASS.
  const std::string& along;
};

struct SignInWay {
  std::string name;    // "PLAIN", "APOP", "USER/PASS"
  bool along = false;  // the commands were sent, their answers come next
};

// Tries what sasl::choose_mechanisms allows, strongest first, then APOP (when asked for, or under TLS with a proper
// challenge in the greeting), USER/PASS last; each at most once, three at most, and none after a refusal that another
// mechanism cannot mend. SCRAM is bound to the TLS connection where both sides can (RFC 5802 §6). A server that refuses
// the binding (without a reason, or as bad protocol), or spoils an exchange that keeps the password to itself, is
// shown none by another way. Throws as sign_in_failure(), PipelineBroken.
[[nodiscard]] SignInWay authenticate(Connection& connection, const SignInRequest& request);

// The server took the commands sent along for a part of the sign-in.
struct PipelineBroken {};

}  // namespace mailstead::pop3
