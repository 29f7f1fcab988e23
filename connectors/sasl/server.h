// The server side of sign-in: SASL exchanges (RFC 4422) against the keys of keys.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/channel_binding.h"
#include "connectors/sasl/keys.h"

namespace mailstead::sasl {

class ServerExchange {
 public:
  enum class State { kContinue, kSuccess, kFailed };
  virtual ~ServerExchange() = default;
  // `response` is what the client sent (decoded), nullopt when it sent no initial response. On kContinue `challenge` is
  // to be sent. On kSuccess identity() is who signed in.
  [[nodiscard]] virtual State step(std::optional<std::string_view> response, std::string& challenge) = 0;
  [[nodiscard]] virtual const Identity& identity() const noexcept = 0;
  // Whether the client's password was looked at: true before the result can be seen in `challenge`.
  [[nodiscard]] virtual bool decided() const noexcept = 0;
  // Whose sign-in was tried; "" before the client said it.
  [[nodiscard]] virtual const std::string& claimed_user() const noexcept = 0;
};

// What a connection can be signed in to with, besides SCRAM.
struct ServerOffer {
  bool cleartext = false;                              // a password may be shown
  std::vector<connectors::ChannelBinding> bindings{};  // of its TLS: SCRAM can be bound to any
  std::vector<std::string> certificate_names{};        // users, as the client's verified certificate names them
};
// Names of mechanisms, strongest first.
[[nodiscard]] std::vector<std::string> server_mechanisms(const ServerOffer& offer);
// nullptr for a mechanism that is not on offer (names are ASCII case-insensitive).
[[nodiscard]] std::unique_ptr<ServerExchange> make_server_exchange(std::string_view mechanism, KeyLookup lookup,
                                                                   const ServerOffer& offer = {.cleartext = true});

}  // namespace mailstead::sasl
