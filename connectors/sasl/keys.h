// What is kept instead of passwords: SCRAM keys (RFC 5802 §3) for SHA-256 and SHA-1.
//
// All passwords of a user have one salt and one number of iterations: SCRAM's server names them before it can know
// which password the client will prove, and a password that is shown is derived once, however many there are.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/secret.h"

namespace mailstead::sasl {

struct ScramPair {
  std::string stored_key, server_key;  // raw octets
};

// One password's.
struct ScramKeys {
  unsigned iterations = 0;
  std::string salt;  // raw octets
  ScramPair sha256;
  std::optional<ScramPair> sha1;  // passwords set by early versions have none
};

// SASLprep (RFC 4013) is applied here and by verify().
[[nodiscard]] ScramKeys make_keys(const mail::Secret& password, unsigned iterations = 10'000);
// With salt and iterations of another password of the same user.
[[nodiscard]] ScramKeys make_keys_beside(const ScramKeys& other, const mail::Secret& password);
// "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>", base64 parts (the form that PostgreSQL and RFC 5803
// use), then a blank and the same of SCRAM-SHA-1.
[[nodiscard]] std::string encode_keys(const ScramKeys& keys);
[[nodiscard]] std::optional<ScramKeys> decode_keys(std::string_view text);
// Constant time in the password's content.
[[nodiscard]] bool verify(const ScramKeys& keys, std::string_view password);

// A password made by us for one client: "k7fm-…", four groups of four out of 32 signs (80 bits).
[[nodiscard]] mail::Secret new_app_password();

struct UserKeys {
  UserKeys(ScramKeys password_in) : password(std::move(password_in)) {}  // NOLINT: one password is the common case

  struct AppPassword {
    std::string name;
    ScramKeys keys;
  };
  ScramKeys password;
  std::vector<AppPassword> app_passwords;
};

// Finds a user's keys. Thread-safe. nullopt: no such user.
using KeyFinder = std::function<std::optional<UserKeys>(const std::string& user)>;

class PasswordMemory;
[[nodiscard]] std::shared_ptr<PasswordMemory> make_password_memory();

// What sign-ins are checked against. Copies share the finder and the memory.
struct KeyLookup {
  KeyLookup() = default;
  // `secret`: of decoy_keys().
  template <typename Finder>
  KeyLookup(Finder finder, std::string secret = "none of the real ones")  // NOLINT: tests have no secret
      : find(std::move(finder)), decoy_secret(std::move(secret)) {}

  KeyFinder find;
  std::string decoy_secret;
  std::shared_ptr<PasswordMemory> memory = make_password_memory();
};

// Who signed in, and with what.
struct Identity {
  // A password that was shown and right, for the memory: kept only once its user is let in.
  struct Derived {
    std::string name;
    ScramPair pair;
  };
  std::string user;
  std::string app_password{};  // its name; "": the user's own password
  std::string stored_key{};    // of the password that was proved; "": no password was
  std::optional<Derived> derived{};
};

// Keys that no password fits, for unknown users: same cost, same answer. A name's stay the same as long as the secret
// does, and nobody without it can tell them from real ones (RFC 5802 §9).
[[nodiscard]] ScramKeys decoy_keys(std::string_view secret, std::string_view user);

// nullopt when name and password do not fit, after the same work for unknown names. App passwords with a salt of their
// own are passed over.
[[nodiscard]] std::optional<Identity> check_password(const KeyLookup& lookup, const std::string& user,
                                                     std::string_view password);

}  // namespace mailstead::sasl
