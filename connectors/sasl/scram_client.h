// The client side of SCRAM (RFC 5802, RFC 7677), with and without channel binding (RFC 5929, RFC 9266). Internal to
// connectors/sasl.
//
// Ours, because GNU SASL 2.2 cannot say "I could bind, you did not offer it" (the gs2 flag "y"), by which a server
// notices that somebody between took its -PLUS mechanisms out of the list.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/sasl/client.h"
#include "mail/secret.h"

namespace mailstead::sasl {

// `mechanism`: SCRAM-SHA-1, SCRAM-SHA-256, or one of them with -PLUS, which needs `binding`. Without -PLUS a binding
// means that we could, and that the server did not offer it.
[[nodiscard]] std::unique_ptr<ClientExchange> make_scram(const std::string& mechanism, const std::string& user,
                                                         mail::Secret password,
                                                         const std::optional<connectors::ChannelBinding>& binding);

// For tests: with a nonce of theirs.
[[nodiscard]] std::unique_ptr<ClientExchange> make_scram(const std::string& mechanism, const std::string& user,
                                                         mail::Secret password,
                                                         const std::optional<connectors::ChannelBinding>& binding,
                                                         const std::string& nonce);

}  // namespace mailstead::sasl
