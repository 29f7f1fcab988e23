#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "connectors/sasl/gsasl_library.h"
#include "connectors/sasl/server.h"
#include "mail/digest.h"
#include "mail/failure.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

constexpr std::string_view kScheme = "SCRAM-SHA-256$";
constexpr std::size_t kKeySize = 32;
constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kMaxSalt = 256;
// What clients accept (ours, too); what a sign-in may cost us.
constexpr unsigned kMinIterations = 4096;
constexpr unsigned kMaxIterations = 1'000'000;
constexpr unsigned kDefaultIterations = 10'000;

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

[[noreturn]] void fail() {
  throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kProcess, "OpenSSL cannot compute keys");
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(text), text.size(), digest.data(), &size) ==
      nullptr)
    fail();
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string random_octets(std::size_t size) {
  std::string result(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(result.data()), static_cast<int>(size)) != 1) fail();
  return result;
}

// RFC 5802 §3: SaltedPassword, StoredKey, ServerKey.
ScramKeys derive(std::string_view password, std::string salt, unsigned iterations) {
  const mail::Secret clean(prepared(password));
  std::array<unsigned char, kKeySize> salted;
  if (PKCS5_PBKDF2_HMAC(clean.reveal().data(), static_cast<int>(clean.reveal().size()), octets(salt),
                        static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                        static_cast<int>(salted.size()), salted.data()) != 1)
    fail();
  const mail::Secret salted_password(std::string(reinterpret_cast<const char*>(salted.data()), salted.size()));
  OPENSSL_cleanse(salted.data(), salted.size());
  const mail::Secret client_key(hmac(salted_password.reveal(), "Client Key"));
  const auto stored = mail::sha256(client_key.reveal());
  ScramKeys keys;
  keys.iterations = iterations;
  keys.salt = std::move(salt);
  keys.stored_key.assign(reinterpret_cast<const char*>(stored.data()), stored.size());
  keys.server_key = hmac(salted_password.reveal(), "Server Key");
  return keys;
}

}  // namespace

ScramKeys make_keys(const mail::Secret& password, unsigned iterations) {
  return derive(password.reveal(), random_octets(kSaltSize), std::clamp(iterations, kMinIterations, kMaxIterations));
}

std::string encode_keys(const ScramKeys& keys) {
  return std::string(kScheme) + std::to_string(keys.iterations) + ":" + mail::encode_base64(keys.salt) + "$" +
         mail::encode_base64(keys.stored_key) + ":" + mail::encode_base64(keys.server_key);
}

std::optional<ScramKeys> decode_keys(std::string_view text) {
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const auto colon = text.find(':');
  const auto dollar = text.find('$');
  const auto second = dollar == std::string_view::npos ? dollar : text.find(':', dollar);
  if (colon == std::string_view::npos || second == std::string_view::npos || colon > dollar) return std::nullopt;
  ScramKeys keys;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, keys.iterations);
  const auto salt = mail::decode_base64(text.substr(colon + 1, dollar - colon - 1));
  const auto stored = mail::decode_base64(text.substr(dollar + 1, second - dollar - 1));
  const auto server = mail::decode_base64(text.substr(second + 1));
  if (error != std::errc() || end != text.data() + colon || !salt || !stored || !server) return std::nullopt;
  if (keys.iterations < kMinIterations || keys.iterations > kMaxIterations) return std::nullopt;
  if (salt->empty() || salt->size() > kMaxSalt || stored->size() != kKeySize || server->size() != kKeySize)
    return std::nullopt;
  keys.salt = *salt;
  keys.stored_key = *stored;
  keys.server_key = *server;
  return keys;
}

bool verify(const ScramKeys& keys, std::string_view password) {
  const ScramKeys given = derive(password, keys.salt, keys.iterations);
  const bool stored = mail::equal_in_constant_time(given.stored_key, keys.stored_key);
  const bool server = mail::equal_in_constant_time(given.server_key, keys.server_key);
  return stored && server;
}

ScramKeys decoy_keys(std::string_view user) {
  // Of this process: a name's salt stays the same, and nobody outside can tell it from a real one.
  static const std::string secret = random_octets(kKeySize);
  const auto part = [&](std::string_view what) { return hmac(secret, std::string(what) + std::string(user)); };
  return {kDefaultIterations, part("salt:").substr(0, kSaltSize), part("stored:"), part("server:")};
}

bool check_password(const KeyLookup& lookup, const std::string& user, std::string_view password) {
  const auto found = lookup(user);
  const bool fits = verify(found ? *found : decoy_keys(user), password);
  return fits && found.has_value();
}

}  // namespace mailstead::sasl
