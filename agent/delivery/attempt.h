// One delivery attempt, from the queue's row to its recorded end.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "agent/config/config.h"
#include "agent/log.h"
#include "connectors/destination.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

struct AttemptEnd {
  std::uint64_t delivered = 0, deferred = 0, failed = 0;  // recipients
  // The destination could not be used at all: leave it alone for a while.
  bool destination_down = false;
  bool cancelled = false;  // nothing was recorded
  std::string text;        // one line for the log
};

// Everything an attempt needs; all outlive it.
struct AttemptRoom {
  storage::Store& store;
  const Config& config;
  const std::string& instance;
  const mail::Clock& clock;
};

// Delivers through `transport`, records each recipient's answer, returns what was refused for good (or for too long)
// to the Undelivered mailbox. Throws Failure(kStorage) when the end could not be recorded.
[[nodiscard]] AttemptEnd attempt(const AttemptRoom& room, delivery::Transport& transport, bool remote,
                                 const storage::QueuedDelivery& delivery, std::stop_token stop);

}  // namespace mailstead::agent
