// Empties the queue: takes what is due, delivers it beside each other per destination, records every answer.
//
// The only one to lease deliveries in this process. A destination whose session fails is left alone for a while as a
// whole (promise 9), its deliveries wait without being counted against. Permanent refusals are returned as a report
// into the Undelivered mailbox (promise 3).
#pragma once

#include <memory>
#include <string>

#include "agent/config/config.h"
#include "agent/log.h"
#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

struct DispatchCounts {
  std::uint64_t delivered = 0, deferred = 0, failed = 0;  // recipients (a Maildir counts as one)
};

// Thread-safe. The parts it is given must outlive it.
class Dispatcher {
 public:
  Dispatcher(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot, net::WorkerPool& pool);
  ~Dispatcher();  // stop()
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // New settings for the attempts that begin from now on. The first call starts the dispatcher.
  void apply(std::shared_ptr<const Config> config);
  // Looks at the queue now, forgetting that destinations are being left alone.
  void kick();
  // `poll`: attempts everything that is due once and returns when those attempts have ended. Instead of apply().
  [[nodiscard]] DispatchCounts run_once(std::shared_ptr<const Config> config, std::stop_token stop);
  void stop() noexcept;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mailstead::agent
