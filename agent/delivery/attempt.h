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
  bool cancelled = false;  // nothing was recorded: a stop, or the user has dropped or held it meanwhile
  bool warned = false;     // the delay was reported
  std::string text;        // one line for the log
  std::string failure;     // of the session; "" when it worked
};

// Everything an attempt needs; all outlive it.
struct AttemptRoom {
  storage::Store& store;
  const Config& config;
  const std::string& instance;
  const mail::Clock& clock;
  // The destination fails, and that was reported already: no further report of a delay.
  bool outage_reported = false;
};

// Delivers through `transport`, records each recipient's answer, returns what was refused for good (or for too long)
// to the Undelivered mailbox, and reports there, once, what is late. Throws Failure(kStorage) when the end could not be
// recorded.
[[nodiscard]] AttemptEnd attempt(const AttemptRoom& room, delivery::Transport& transport, bool remote,
                                 const storage::QueuedDelivery& delivery, std::stop_token stop);

// Of a destination that cannot be used: returns the delivery to the Undelivered mailbox if it is too old, without an
// attempt of its own; whether it was. `why`: the destination's failure. Throws Failure(kStorage).
[[nodiscard]] bool give_up_if_old(const AttemptRoom& room, const storage::QueuedDelivery& delivery,
                                  const std::string& why);

}  // namespace mailstead::agent
