// When which account is polled: interval, backoff, IDLE, "poll now". Accounts run beside each other on the worker pool
// and wait in the parking lot, so that neither threads nor wake-ups grow with their number.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/log.h"
#include "agent/pipeline/account_poller.h"
#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

// Thread-safe. The parts it is given must outlive it.
class Scheduler {
 public:
  Scheduler(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot, net::WorkerPool& pool);
  ~Scheduler();  // stop()
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Takes a configuration into force: new accounts begin, removed ones end, changed ones start anew; a poll in hand is
  // finished under the old settings.
  void apply(std::shared_ptr<const Config> config);
  // All accounts, or the named ones; also those that are paused. False: there is no such account.
  bool poll_now(const std::string& account = {});
  // No new poll begins; running ones are asked to stop by the pool's stop.
  void stop() noexcept;

 private:
  class Seat;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mailstead::agent
