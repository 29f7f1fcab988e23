#include "connectors/sasl/keys.h"

#include <algorithm>
#include <charconv>

#include "connectors/sasl/gsasl_library.h"
#include "connectors/sasl/password_memory.h"
#include "connectors/sasl/scram.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

constexpr std::string_view kSha256 = "SCRAM-SHA-256$";
constexpr std::string_view kSha1 = "SCRAM-SHA-1$";
constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kMaxSalt = 256;
constexpr unsigned kDefaultIterations = 10'000;
constexpr std::string_view kClearSigns = "abcdefghijkmnpqrstuvwxyz23456789";  // none is taken for another
constexpr std::size_t kGroups = 4, kGroupSize = 4;

// RFC 5802 §3: SaltedPassword, StoredKey, ServerKey.
ScramPair derive(const ScramHash& hash, const mail::Secret& prepared, std::string_view salt, unsigned iterations) {
  const mail::Secret salted = hash.salted_password(prepared.reveal(), salt, iterations);
  const mail::Secret client_key(hash.hmac(salted.reveal(), "Client Key"));
  return {hash.hash(client_key.reveal()), hash.hmac(salted.reveal(), "Server Key")};
}

ScramKeys make(const mail::Secret& password, std::string salt, unsigned iterations) {
  const mail::Secret clean(prepared(password.reveal()));
  ScramKeys keys{iterations, std::move(salt), {}, {}};
  keys.sha256 = derive(ScramHash::sha256(), clean, keys.salt, iterations);
  keys.sha1 = derive(ScramHash::sha1(), clean, keys.salt, iterations);
  return keys;
}

bool same(const ScramPair& a, const ScramPair& b) {
  const bool stored = mail::equal_in_constant_time(a.stored_key, b.stored_key);
  const bool server = mail::equal_in_constant_time(a.server_key, b.server_key);
  return stored && server;
}

std::string encode(std::string_view scheme, const ScramKeys& keys, const ScramPair& pair) {
  return std::string(scheme) + std::to_string(keys.iterations) + ":" + mail::encode_base64(keys.salt) + "$" +
         mail::encode_base64(pair.stored_key) + ":" + mail::encode_base64(pair.server_key);
}

struct Decoded {
  unsigned iterations = 0;
  std::string salt;
  ScramPair pair;
};

std::optional<Decoded> decode(std::string_view text, std::string_view scheme, const ScramHash& hash) {
  if (!text.starts_with(scheme)) return std::nullopt;
  text.remove_prefix(scheme.size());
  const auto colon = text.find(':');
  const auto dollar = text.find('$');
  const auto second = dollar == std::string_view::npos ? dollar : text.find(':', dollar);
  if (colon == std::string_view::npos || second == std::string_view::npos || colon > dollar) return std::nullopt;
  Decoded made;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, made.iterations);
  const auto salt = mail::decode_base64(text.substr(colon + 1, dollar - colon - 1));
  const auto stored = mail::decode_base64(text.substr(dollar + 1, second - dollar - 1));
  const auto server = mail::decode_base64(text.substr(second + 1));
  if (error != std::errc() || end != text.data() + colon || !salt || !stored || !server) return std::nullopt;
  if (made.iterations < kMinIterations || made.iterations > kMaxIterations) return std::nullopt;
  if (salt->empty() || salt->size() > kMaxSalt || stored->size() != hash.size() || server->size() != hash.size())
    return std::nullopt;
  made.salt = *salt;
  made.pair = {*stored, *server};
  return made;
}

}  // namespace

ScramKeys make_keys(const mail::Secret& password, unsigned iterations) {
  return make(password, random_octets(kSaltSize), std::clamp(iterations, kMinIterations, kMaxIterations));
}

ScramKeys make_keys_beside(const ScramKeys& other, const mail::Secret& password) {
  return make(password, other.salt, other.iterations);
}

std::string encode_keys(const ScramKeys& keys) {
  std::string text = encode(kSha256, keys, keys.sha256);
  if (keys.sha1) text += ' ' + encode(kSha1, keys, *keys.sha1);
  return text;
}

std::optional<ScramKeys> decode_keys(std::string_view text) {
  const auto blank = text.find(' ');
  const auto sha256 = decode(text.substr(0, blank), kSha256, ScramHash::sha256());
  if (!sha256) return std::nullopt;
  ScramKeys keys{sha256->iterations, sha256->salt, sha256->pair, {}};
  if (blank == std::string_view::npos) return keys;
  const auto sha1 = decode(text.substr(blank + 1), kSha1, ScramHash::sha1());
  if (!sha1 || sha1->salt != keys.salt || sha1->iterations != keys.iterations) return std::nullopt;
  keys.sha1 = sha1->pair;
  return keys;
}

bool verify(const ScramKeys& keys, std::string_view password) {
  const mail::Secret clean(prepared(password));
  return same(derive(ScramHash::sha256(), clean, keys.salt, keys.iterations), keys.sha256);
}

mail::Secret new_app_password() {
  static_assert(256 % kClearSigns.size() == 0);
  const mail::Secret random(random_octets(kGroups * kGroupSize));
  std::string text;
  for (std::size_t i = 0; i < random.reveal().size(); ++i) {
    if (i > 0 && i % kGroupSize == 0) text += '-';
    text += kClearSigns[static_cast<unsigned char>(random.reveal()[i]) % kClearSigns.size()];
  }
  return mail::Secret(std::move(text));
}

ScramKeys decoy_keys(std::string_view secret, std::string_view user) {
  const auto part = [&](const ScramHash& hash, std::string_view what) {
    return hash.hmac(secret, std::string(what) + std::string(user));
  };
  const auto pair = [&](const ScramHash& hash) { return ScramPair{part(hash, "stored:"), part(hash, "server:")}; };
  return {kDefaultIterations, part(ScramHash::sha256(), "salt:").substr(0, kSaltSize), pair(ScramHash::sha256()),
          pair(ScramHash::sha1())};
}

std::optional<Identity> check_password(const KeyLookup& lookup, const std::string& user, std::string_view password) {
  const auto found = lookup.find(user);
  const UserKeys keys = found ? *found : UserKeys(decoy_keys(lookup.decoy_secret, user));
  const mail::Secret clean(prepared(password));
  const std::string name = lookup.memory->name_of(keys.password, clean.reveal());
  const auto remembered = lookup.memory->find(name);
  const ScramPair shown =
      remembered ? *remembered : derive(ScramHash::sha256(), clean, keys.password.salt, keys.password.iterations);
  std::optional<Identity> identity;
  if (same(shown, keys.password.sha256)) identity = Identity{user, {}, shown.stored_key, {}};
  for (const auto& app : keys.app_passwords)
    if (app.keys.salt == keys.password.salt && app.keys.iterations == keys.password.iterations &&
        same(shown, app.keys.sha256))
      identity = Identity{user, app.name, shown.stored_key, {}};
  if (!found || !identity) return std::nullopt;
  if (!remembered) identity->derived = {name, shown};
  return identity;
}

}  // namespace mailstead::sasl
