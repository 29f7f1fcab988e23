// Passwords that were right, so that the next sign-in with the same one costs microseconds: clients that connect every
// minute would otherwise have us derive keys all day.
//
// Kept is an HMAC under a secret of this process, and what the password derives to; who reads our memory could as well
// read the passwords that are being shown. What does not fit the user's keys of today any more is of no use here.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/sasl/keys.h"

namespace mailstead::sasl {

// Thread-safe.
class PasswordMemory {
 public:
  PasswordMemory();
  // What stands here for `clean` (prepared) with the salt and iterations of `keys`.
  [[nodiscard]] std::string name_of(const ScramKeys& keys, std::string_view clean) const;
  // What it derives to, if that was kept.
  [[nodiscard]] std::optional<ScramPair> find(const std::string& name) const;
  void keep(const Identity::Derived& derived);

 private:
  static constexpr std::size_t kMaxKept = 4096;  // the oldest is forgotten

  const std::string secret_;
  mutable std::mutex mutex_;
  std::map<std::string, ScramPair> kept_;
  std::deque<std::string> order_;
};

}  // namespace mailstead::sasl
