// What rules remember of earlier messages: the test "seen" and the action "vacation". The router does no I/O itself:
// whoever asks for a decision brings this along, and keeps Decision::remembered with the message.
#pragma once

#include <chrono>
#include <optional>

#include "mail/clock.h"
#include "mail/digest.h"

namespace mailstead::router {

// Of a key: the digest of what is remembered. For one message; one thread at a time.
class Memory {
 public:
  virtual ~Memory() = default;
  // When an earlier message met the key, within `window` before now. Throws Unrepeatable for a message whose decision
  // is long made: what was remembered then is not known.
  [[nodiscard]] virtual std::optional<mail::WallTime> met(const mail::Sha256& key,
                                                          std::chrono::seconds window) const = 0;
  // The same of a sender who was answered; of a message whose decision is long made nobody is to be answered any more.
  [[nodiscard]] virtual std::optional<mail::WallTime> answered(const mail::Sha256& key,
                                                               std::chrono::seconds window) const {
    return met(key, window);
  }
};

}  // namespace mailstead::router
