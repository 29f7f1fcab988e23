// What rules were to remember of earlier messages: keys with the time they were met. Written with the message itself
// (Acceptance::remembered), so that nothing is remembered of a message that was not accepted.
#pragma once

#include <memory>
#include <optional>

#include "mail/clock.h"
#include "mail/digest.h"

namespace mailstead::storage {

// One message in hand. What it has asked for counts as met for all others in hand, from then on until this is
// destroyed: once its acceptance is durable, or has failed. One thread at a time.
class Recollection {
 public:
  virtual ~Recollection() = default;
  // When the key was met, at `since` or later; nullopt: it was not. A key that another message in hand has asked for
  // was met at `now`.
  [[nodiscard]] virtual std::optional<mail::WallTime> met(const mail::Sha256& key, mail::WallTime since,
                                                          mail::WallTime now) = 0;
};

// Thread-safe. Throws Failure(kStorage, kProcess).
class RuleMemory {
 public:
  virtual ~RuleMemory() = default;
  [[nodiscard]] virtual std::shared_ptr<Recollection> recollect() = 0;
  // Without a message in hand: nothing that is asked counts for others.
  [[nodiscard]] virtual std::optional<mail::WallTime> met(const mail::Sha256& key, mail::WallTime since) const = 0;
};

}  // namespace mailstead::storage
