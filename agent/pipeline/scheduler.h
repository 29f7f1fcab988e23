// When which account is polled: interval, hours, backoff, IDLE, "poll now". Accounts run beside each other on the
// worker pool and wait in the parking lot, so that neither threads nor wake-ups grow with their number.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/log.h"
#include "agent/pipeline/connection_budget.h"
#include "agent/pipeline/outside_watch.h"
#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"
#include "connectors/retrieval.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

// What an account does at the moment.
struct AccountFacts {
  enum class State { kWaits, kPolling, kIdle, kQueued, kPaused, kSkipped, kOutsideHours };
  std::string account;
  State state = State::kWaits;
  std::size_t connections = 0, folders = 0;       // kIdle
  std::optional<std::chrono::seconds> next_poll;  // nullopt: not by itself
  std::string reason;                             // why it waits longer than its interval, or does not idle; or ""
};
[[nodiscard]] std::string_view name_of(AccountFacts::State state) noexcept;

using RetrieverFactory = std::function<std::unique_ptr<retrieval::Retriever>(
    const AccountConfig& account, const std::string& remembered, ConnectionBudget* budget)>;

// Thread-safe. The parts it is given must outlive it.
class Scheduler {
 public:
  Scheduler(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot, net::WorkerPool& pool);
  Scheduler(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot, net::WorkerPool& pool,
            RetrieverFactory make_retriever);
  ~Scheduler();  // stop()
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Takes a configuration into force: new accounts begin, removed ones end, changed ones start anew, the others go on;
  // a poll in hand is finished under the old settings.
  void apply(std::shared_ptr<const Config> config);
  // The named account, whatever holds it back; or all that are not paused or skipped. False: there is no such account.
  bool poll_now(const std::string& account = {}, const retrieval::PollOptions& options = {});
  // The machine slept or is in another network: all are polled soon, what waits is verified.
  void outside_changed(OutsideChange change);
  // By name.
  [[nodiscard]] std::vector<AccountFacts> facts() const;
  // No new poll begins; running ones are asked to stop by the pool's stop.
  void stop() noexcept;

 private:
  std::shared_ptr<struct Schedule> schedule_;
};

}  // namespace mailstead::agent
