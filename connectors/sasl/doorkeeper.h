// What our servers do between a password that fits and an open session. One for all listeners of a process.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "connectors/sasl/keys.h"
#include "connectors/sasl/open_sessions.h"
#include "connectors/sasl/throttle.h"

namespace mailstead::sasl {

struct Caller {
  std::string address;
  bool loopback = false;
};

// Copies share what they point to. Thread-safe as far as `signed_in` is.
struct Doorkeeper {
  std::shared_ptr<OpenSessions> sessions = std::make_shared<OpenSessions>();
  std::function<void(const Identity&)> signed_in;  // may be empty
  std::shared_ptr<Throttle> throttle;              // null: nobody waits
  std::size_t most_per_user = 1000;                // sessions, over all listeners

  // Throttle::admits() and judge() of a peer's address.
  [[nodiscard]] bool may_try(const Caller& caller, const std::string& user = {}) const;
  [[nodiscard]] std::optional<std::chrono::milliseconds> judge(const Caller& caller, const std::string& user,
                                                               bool good) const;

  enum class Answer { kEntered, kRevoked, kTooMany };
  // Revoked: since the password was checked; between SCRAM's proof and its last word a client has time.
  [[nodiscard]] Answer admit(const KeyLookup& keys, const Identity& identity, std::function<void()> wake,
                             std::unique_ptr<OpenSessions::Place>& place) const;
};

}  // namespace mailstead::sasl
