// What our servers do between a password that fits and an open session. One for all listeners of a process.
#pragma once

#include <functional>
#include <memory>

#include "connectors/sasl/keys.h"
#include "connectors/sasl/open_sessions.h"

namespace mailstead::sasl {

// Copies share what they point to. Thread-safe as far as `signed_in` is.
struct Doorkeeper {
  std::shared_ptr<OpenSessions> sessions = std::make_shared<OpenSessions>();
  std::function<void(const Identity&)> signed_in;  // may be empty

  // Null when the password was revoked since it was checked: between SCRAM's proof and its last word a client has time.
  [[nodiscard]] std::unique_ptr<OpenSessions::Place> admit(const KeyLookup& keys, const Identity& identity,
                                                           std::function<void()> wake) const;
};

}  // namespace mailstead::sasl
