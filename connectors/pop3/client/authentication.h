// The AUTHORIZATION state: which way to sign in, and the way itself (RFC 1939 §7, RFC 5034).
#pragma once

#include <string>

#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/codec/capabilities.h"
#include "connectors/sasl/client.h"

namespace mailstead::pop3 {

// Tries what sasl::choose_mechanisms allows, strongest first, then APOP (when asked for, or under TLS with a proper
// challenge in `greeting`), USER/PASS last; each at most once, three at most, and none after a refusal that another
// mechanism cannot mend. Returns the name of what served. Throws as sign_in_failure().
[[nodiscard]] std::string authenticate(Connection& connection, const Capabilities& capabilities,
                                       const std::string& greeting, const sasl::Credentials& credentials,
                                       const std::string& host);

}  // namespace mailstead::pop3
