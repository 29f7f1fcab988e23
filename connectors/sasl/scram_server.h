// The server side of SCRAM (RFC 5802, RFC 7677), with and without channel binding (RFC 5929, RFC 9266). Internal to
// connectors/sasl.
//
// Ours, because a user may have several passwords (one for each client) and GNU SASL's server knows one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/sasl/server.h"

namespace mailstead::sasl {

// `mechanism`: SCRAM-SHA-1 or SCRAM-SHA-256; with -PLUS the client binds to one of `bindings`. Without -PLUS a client
// that could bind, and believes that we could not, is refused when there are some: somebody between took -PLUS out of
// our offer.
[[nodiscard]] std::unique_ptr<ServerExchange> make_scram_server(const std::string& mechanism, KeyLookup lookup,
                                                                std::vector<connectors::ChannelBinding> bindings);

// For tests: with a nonce of theirs.
[[nodiscard]] std::unique_ptr<ServerExchange> make_scram_server(const std::string& mechanism, KeyLookup lookup,
                                                                std::vector<connectors::ChannelBinding> bindings,
                                                                const std::string& nonce);

}  // namespace mailstead::sasl
