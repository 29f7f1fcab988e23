// The server side of sign-in: passwords kept as SCRAM-SHA-256 keys (RFC 5802, 7677), SASL exchanges against them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/secret.h"

namespace mailstead::sasl {

// What is stored for a user instead of a password: "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>", base64
// parts (the form that PostgreSQL and RFC 5803 use).
struct ScramKeys {
  unsigned iterations = 0;
  std::string salt, stored_key, server_key;  // raw octets
};
[[nodiscard]] ScramKeys make_keys(const mail::Secret& password, unsigned iterations = 10'000);
[[nodiscard]] std::string encode_keys(const ScramKeys& keys);
[[nodiscard]] std::optional<ScramKeys> decode_keys(std::string_view text);
// Constant time in the password's content. SASLprep (RFC 4013) is applied by both.
[[nodiscard]] bool verify(const ScramKeys& keys, std::string_view password);
// Keys that no password fits, for unknown users: same cost, same answer. Deterministic per name (RFC 5802 §9).
[[nodiscard]] ScramKeys decoy_keys(std::string_view user);

// Finds a user's keys. Thread-safe. nullopt: no such user.
using KeyLookup = std::function<std::optional<ScramKeys>(const std::string& user)>;

// The user when name and password fit; nullopt otherwise, after the same work for unknown names.
[[nodiscard]] bool check_password(const KeyLookup& lookup, const std::string& user, std::string_view password);

class ServerExchange {
 public:
  enum class State { kContinue, kSuccess, kFailed };
  virtual ~ServerExchange() = default;
  // `response` is what the client sent (decoded), nullopt when it sent no initial response. On kContinue `challenge` is
  // to be sent. On kSuccess user() is who signed in.
  [[nodiscard]] virtual State step(std::optional<std::string_view> response, std::string& challenge) = 0;
  [[nodiscard]] virtual const std::string& user() const noexcept = 0;
};
// PLAIN, LOGIN, SCRAM-SHA-256; nullptr for an unknown mechanism (names are ASCII case-insensitive).
[[nodiscard]] std::unique_ptr<ServerExchange> make_server_exchange(std::string_view mechanism, KeyLookup lookup);
[[nodiscard]] std::vector<std::string> server_mechanisms(bool cleartext_allowed);

}  // namespace mailstead::sasl
