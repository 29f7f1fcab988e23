// The state of each remote account between polls, and the users of our own servers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/types.h"

namespace mailstead::storage {

struct AccountState {
  std::string account;
  std::optional<mail::WallTime> last_poll, last_success, next_poll;
  std::uint64_t retrieved_total = 0, duplicates_total = 0, bytes_total = 0;
  std::uint32_t new_last_poll = 0;
  unsigned failures = 0;             // in a row
  std::string last_error;            // printable; "" after a success
  bool paused = false;               // until the configuration changes (wrong password)
  std::string configuration_digest;  // of the account's settings when paused
  std::string remote_capabilities;   // what the server could do last time; the connector's own form
};

// A further password, for one client of a user.
struct AppPassword {
  std::string name;
  std::string keys;  // sasl::encode_keys
  mail::WallTime created;
  std::optional<mail::WallTime> last_use{};  // to some minutes
};

struct User {
  std::string name;
  std::string keys;  // sasl::encode_keys; "" when no password is set
  mail::WallTime created;
  std::vector<AppPassword> app_passwords{};  // by name; add() takes none
};

inline constexpr std::size_t kMaxAppPasswords = 50;  // of a user

enum class AppPasswordAnswer { kDone, kNoSuchUser, kExists, kTooMany };

struct AppPasswordUse {
  std::string user, name;
  mail::WallTime when;
};

// Thread-safe; writing calls return when durable. Throws Failure(kStorage, kProcess).
class Accounts {
 public:
  virtual ~Accounts() = default;
  [[nodiscard]] virtual std::optional<AccountState> state(const std::string& account) const = 0;
  [[nodiscard]] virtual std::vector<AccountState> states() const = 0;
  virtual void save(const AccountState& state) = 0;
};

class Users {
 public:
  virtual ~Users() = default;
  [[nodiscard]] virtual std::optional<User> find(const std::string& name) const = 0;
  [[nodiscard]] virtual std::vector<User> list() const = 0;
  // False when the name exists / does not exist. A new user gets INBOX and the special-use folders.
  [[nodiscard]] virtual bool add(const User& user) = 0;
  [[nodiscard]] virtual bool set_keys(const std::string& name, const std::string& keys) = 0;
  [[nodiscard]] virtual AppPasswordAnswer add_app_password(const std::string& user, const AppPassword& password) = 0;
  [[nodiscard]] virtual bool remove_app_password(const std::string& user, const std::string& name) = 0;
  // In one transaction; passwords that are gone are passed over.
  virtual void note_uses(const std::vector<AppPasswordUse>& uses) = 0;
  // Random octets, always the same for these data: nobody outside knows them.
  [[nodiscard]] virtual std::string decoy_secret() const = 0;
  // The mailboxes stay; only the sign-in goes, with its app passwords.
  [[nodiscard]] virtual bool remove(const std::string& name) = 0;
};

}  // namespace mailstead::storage
