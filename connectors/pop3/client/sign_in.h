// From a dialled connection to the TRANSACTION state: greeting, CAPA, STLS, authentication.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/client/server_memory.h"
#include "connectors/pop3/codec/capabilities.h"
#include "connectors/retrieval.h"

namespace mailstead::pop3 {

struct SignedIn {
  std::unique_ptr<Connection> connection;
  Capabilities capabilities;  // as announced after TLS
  std::string greeting;       // printable
  std::string mechanism;      // "PLAIN", "APOP", "USER/PASS"
};

// Never falls back to less protection than the settings ask for. A server that hangs or hangs up on CAPA is dialled a
// second time and not asked. Failures as sign_in_failure(); kConfiguration for a password that cannot be sent.
[[nodiscard]] SignedIn sign_in(const retrieval::AccountSettings& settings, const retrieval::Dialer& dialer,
                               ServerMemory& memory, const net::Deadline& total);

}  // namespace mailstead::pop3
