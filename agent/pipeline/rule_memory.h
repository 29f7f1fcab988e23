// What rules remember, for each way in which they are asked: of a message that comes in, of one that is only looked at,
// of one whose decision is long made.
#pragma once

#include <memory>

#include "mail/failure.h"
#include "router/memory.h"
#include "storage/rule_memory.h"

namespace mailstead::agent {

// A message in hand.
class MemoryInHand final : public router::Memory {
 public:
  MemoryInHand(storage::Recollection& recollection, mail::WallTime now) : recollection_(recollection), now_(now) {}
  [[nodiscard]] std::optional<mail::WallTime> met(const mail::Sha256& key, std::chrono::seconds window) const override {
    return recollection_.met(key, now_ - window, now_);
  }

 private:
  storage::Recollection& recollection_;
  const mail::WallTime now_;
};

// One that is only looked at: nothing is kept of it.
class MemoryLookedInto final : public router::Memory {
 public:
  MemoryLookedInto(const storage::RuleMemory& memory, mail::WallTime now) : memory_(memory), now_(now) {}
  [[nodiscard]] std::optional<mail::WallTime> met(const mail::Sha256& key, std::chrono::seconds window) const override {
    return memory_.met(key, now_ - window);
  }

 private:
  const storage::RuleMemory& memory_;
  const mail::WallTime now_;
};

// What was remembered when the decision was made is not known any more.
class Unrepeatable : public mail::Failure {
 public:
  Unrepeatable()
      : mail::Failure(mail::FailureKind::kCancelled, mail::FailureScope::kMessage,
                      "what was remembered when the message came is not known") {}
};

class MemoryOfKept final : public router::Memory {
 public:
  [[nodiscard]] std::optional<mail::WallTime> met(const mail::Sha256& /*key*/,
                                                  std::chrono::seconds /*window*/) const override {
    throw Unrepeatable();
  }
  [[nodiscard]] std::optional<mail::WallTime> answered(const mail::Sha256& /*key*/,
                                                       std::chrono::seconds /*window*/) const override {
    return mail::WallTime{};
  }
};

}  // namespace mailstead::agent
