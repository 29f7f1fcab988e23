// The server side of SCRAM (RFC 5802, RFC 7677). Internal to connectors/sasl.
//
// Ours, because a user may have several passwords (one for each client) and GNU SASL's server knows one.
#pragma once

#include <memory>
#include <string>

#include "connectors/sasl/server.h"

namespace mailstead::sasl {

// `mechanism`: SCRAM-SHA-1 or SCRAM-SHA-256.
[[nodiscard]] std::unique_ptr<ServerExchange> make_scram_server(const std::string& mechanism, KeyLookup lookup);

// For tests: with a nonce of theirs.
[[nodiscard]] std::unique_ptr<ServerExchange> make_scram_server(const std::string& mechanism, KeyLookup lookup,
                                                                const std::string& nonce);

}  // namespace mailstead::sasl
