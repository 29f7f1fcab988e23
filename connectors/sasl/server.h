// The server side of sign-in: SASL exchanges (RFC 4422) against the keys of keys.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
};
// PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-256; nullptr for an unknown mechanism (names are ASCII case-insensitive).
[[nodiscard]] std::unique_ptr<ServerExchange> make_server_exchange(std::string_view mechanism, KeyLookup lookup);
[[nodiscard]] std::vector<std::string> server_mechanisms(bool cleartext_allowed);

}  // namespace mailstead::sasl
