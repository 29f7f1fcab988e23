#include "agent/pipeline/scheduler.h"

#include "agent/pipeline/poll_plan.h"
#include "agent/pipeline/seat.h"

namespace mailstead::agent {

std::string_view name_of(AccountFacts::State state) noexcept {
  switch (state) {
    case AccountFacts::State::kWaits: return "waits";
    case AccountFacts::State::kPolling: return "polling";
    case AccountFacts::State::kIdle: return "idle";
    case AccountFacts::State::kQueued: return "queued";
    case AccountFacts::State::kPaused: return "paused";
    case AccountFacts::State::kSkipped: return "skipped";
    case AccountFacts::State::kOutsideHours: return "outside its hours";
  }
  return "waits";
}

void Schedule::make_room(const ConnectionBudget::Place& place) {
  const auto bound = budget.bound_at(place);
  if (bound == ConnectionBudget::Bound::kNone) return;
  std::lock_guard lock(mutex);
  for (const auto& [name, seat] : seats)
    if (seat->give_way(place, bound)) return;
}

Scheduler::Scheduler(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot,
                     net::WorkerPool& pool)
    : Scheduler(store, clock, log, lot, pool, make_retriever) {}

Scheduler::Scheduler(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot,
                     net::WorkerPool& pool, RetrieverFactory make_retriever)
    : schedule_(
          new Schedule{store, clock, log, lot, pool, std::move(make_retriever), ConnectionBudget(), {}, 0, {}, {}}) {
  // Two that saw room at once: the one that came too late would wait for the other to be done, which may wait for news.
  schedule_->budget.ask_for_room(
      [schedule = schedule_.get()](const ConnectionBudget::Place& place) { schedule->make_room(place); });
}

Scheduler::~Scheduler() {
  stop();
}

void Scheduler::apply(std::shared_ptr<const Config> config) {
  Schedule& schedule = *schedule_;
  schedule.budget.apply(config->limits);
  std::lock_guard lock(schedule.mutex);
  schedule.accounts = config->accounts.size();
  for (auto seat = schedule.seats.begin(); seat != schedule.seats.end();) {
    auto account = config->accounts.find(seat->first);
    if (account == config->accounts.end()) {
      seat->second->end();
      schedule.trouble.forget(seat->first);
      seat = schedule.seats.erase(seat);
    } else {
      seat->second->reconfigure(config, account->second);
      ++seat;
    }
  }
  const std::size_t fresh = config->accounts.size() - schedule.seats.size();
  for (const auto& [name, account] : config->accounts) {
    auto [seat, is_new] = schedule.seats.try_emplace(name, nullptr);
    if (!is_new) continue;
    seat->second = std::make_shared<Seat>(schedule_, config, account);
    seat->second->begin(turn_of(name, fresh));
  }
}

bool Scheduler::poll_now(const std::string& account, const retrieval::PollOptions& options) {
  std::lock_guard lock(schedule_->mutex);
  if (account.empty()) {
    for (const auto& [name, seat] : schedule_->seats)
      seat->poll_now(false, turn_of(name, schedule_->seats.size()), options);
    return true;
  }
  auto found = schedule_->seats.find(account);
  if (found == schedule_->seats.end()) return false;
  found->second->poll_now(true, {}, options);
  return true;
}

void Scheduler::outside_changed(OutsideChange change) {
  std::lock_guard lock(schedule_->mutex);
  for (const auto& [name, seat] : schedule_->seats)
    seat->outside_changed(change, turn_of(name, schedule_->seats.size()));
}

std::vector<AccountFacts> Scheduler::facts() const {
  std::vector<AccountFacts> all;
  std::lock_guard lock(schedule_->mutex);
  for (const auto& [name, seat] : schedule_->seats) all.push_back(seat->facts());
  return all;
}

void Scheduler::stop() noexcept {
  std::lock_guard lock(schedule_->mutex);
  for (const auto& [name, seat] : schedule_->seats) seat->end();
  schedule_->seats.clear();
}

}  // namespace mailstead::agent
