// The deliveries of one destination that are in hand, and the connections that carry them.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "connectors/destination.h"
#include "mail/clock.h"
#include "storage/queue.h"

namespace mailstead::agent {

// Guarded by the dispatcher's mutex.
struct Lane {
  std::shared_ptr<const delivery::Destination> destination;
  bool remote = false;          // others may send it back to us: trace and loop check
  std::size_t connections = 1;  // at most so many beside each other
  std::chrono::seconds keep_open{0};
  std::deque<storage::QueuedDelivery> waiting;
  std::size_t working = 0;

  struct Kept {
    std::unique_ptr<delivery::Transport> transport;
    mail::SteadyTime until;
  };
  std::vector<Kept> kept;  // idle connections

  unsigned failures = 0;  // sessions that failed in a row
  mail::SteadyTime left_alone_until{};
};

}  // namespace mailstead::agent
