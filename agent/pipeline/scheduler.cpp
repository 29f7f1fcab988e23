#include "agent/pipeline/scheduler.h"

#include "mail/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace mailstead::agent {

struct Scheduler::Shared {
  storage::Store& store;
  const mail::Clock& clock;
  Log& log;
  net::ParkingLot& lot;
  net::WorkerPool& pool;
  std::mutex mutex;  // guards seats; taken before a Seat's own mutex
  std::map<std::string, std::shared_ptr<Seat>> seats;
};

// One account's place in the schedule: either parked (a ticket is out) or running (a task is submitted), never both.
class Scheduler::Seat : public std::enable_shared_from_this<Seat> {
 public:
  Seat(std::shared_ptr<Shared> shared, std::shared_ptr<const Config> config, const AccountConfig& account)
      : shared_(std::move(shared)), account_(&account) {
    adopt(std::move(config), account);
  }

  // After a restart no account is signed in to with a password that is known to be wrong.
  void begin() {
    std::lock_guard lock(mutex_);
    next_poll_ = shared_->clock.steady();
    if (poller_->paused()) {
      shared_->log.warning(fmt::format(
          "account {0}: paused after refused sign-ins; it goes on when its settings change or by: mailstead poll {0}",
          account_->name));
      next_poll_ = mail::SteadyTime::max();
    }
    park(-1, net::Interest::kNone, next_poll_);
  }

  void poll_now() {
    std::lock_guard lock(mutex_);
    again_ = true;
    if (!running_) shared_->lot.notify(ticket_);
  }

  // The poll in hand is finished under the old settings; then the account is polled under the new ones.
  void reconfigure(std::shared_ptr<const Config> config, const AccountConfig& account) {
    std::lock_guard lock(mutex_);
    next_config_ = std::move(config);
    next_account_ = &account;
    again_ = true;
    if (!running_) shared_->lot.notify(ticket_);
  }

  void end() {
    std::lock_guard lock(mutex_);
    removed_ = true;
    if (!running_) shared_->lot.notify(ticket_);
  }

 private:
  void adopt(std::shared_ptr<const Config> config, const AccountConfig& account) {
    account_ = &account;
    poller_ = std::make_unique<AccountPoller>(shared_->store, std::move(config), account, shared_->clock, shared_->log);
  }

  // With mutex_ held.
  void park(int descriptor, net::Interest interest, mail::SteadyTime deadline) {
    running_ = false;
    ticket_ = shared_->lot.park(descriptor, interest, deadline,
                                [self = weak_from_this(), descriptor](net::WakeReason reason) {
                                  if (reason == net::WakeReason::kStopped) return;
                                  if (auto seat = self.lock()) seat->wake(reason, descriptor >= 0);
                                });
  }

  void wake(net::WakeReason reason, bool was_waiting) {
    std::lock_guard lock(mutex_);
    running_ = true;
    const bool due = shared_->clock.steady() >= next_poll_ || again_ || reason == net::WakeReason::kNotified;
    shared_->pool.submit([self = shared_from_this(), due, was_waiting](std::stop_token stop) {
      self->run(due, was_waiting, std::move(stop));
    });
  }

  void run(bool due, bool was_waiting, const std::stop_token& stop) {
    if (!take_up(stop)) return;
    if (was_waiting && !due) due = poller_->woken(stop);
    if (due) poll(stop);
    if (stop.stop_requested()) return;
    lay_down(poller_->start_waiting(stop));
  }

  // False: the seat is given up.
  bool take_up(const std::stop_token& stop) {
    std::lock_guard lock(mutex_);
    if (removed_ || stop.stop_requested()) {
      poller_->disconnect();
      return false;
    }
    again_ = false;
    if (next_config_) {
      poller_->disconnect();
      adopt(std::move(next_config_), *next_account_);
      next_config_ = nullptr;
    }
    return true;
  }

  void lay_down(std::optional<int> descriptor) {
    std::lock_guard lock(mutex_);
    if (removed_) {
      poller_->disconnect();
      return;
    }
    if (again_) next_poll_ = shared_->clock.steady();
    if (descriptor)
      park(*descriptor, net::Interest::kRead, std::min(next_poll_, shared_->clock.steady() + poller_->waiting_limit()));
    else
      park(-1, net::Interest::kNone, next_poll_);
  }

  void poll(const std::stop_token& stop) {
    retrieval::PollObserver silent;
    const PollReport report = poller_->poll({}, silent, nullptr, stop);
    log(report);
    next_poll_ = report.paused ? mail::SteadyTime::max() : shared_->clock.steady() + report.next_in;
  }

  void log(const PollReport& report) {
    const std::string& name = account_->name;
    for (const auto& warning : report.warnings) shared_->log.warning(fmt::format("account {}: {}", name, warning));
    if (report.failure && report.failure->kind() == mail::FailureKind::kCancelled) return;
    if (report.failure) {
      shared_->log.error(fmt::format(
          "account {}: {}; {}", name, report.failure->text(),
          report.paused ? "paused until its settings change" : "next try in " + mail::format_duration(report.next_in)));
      if (!report.failure->detail().empty())
        shared_->log.debug(fmt::format("account {}: {}", name, report.failure->detail()));
    } else if (report.counts.accepted + report.counts.duplicates + report.counts.skipped + report.cleaned > 0) {
      shared_->log.info(fmt::format("account {}: {} new, {} duplicates, {} skipped, {} cleaned up, {} in {} ms", name,
                                    report.counts.accepted, report.counts.duplicates, report.counts.skipped,
                                    report.cleaned, mail::format_size(report.counts.bytes), report.took.count()));
    }
  }

  std::shared_ptr<Shared> shared_;
  // Touched by the running task alone (and by the constructor).
  const AccountConfig* account_;
  std::unique_ptr<AccountPoller> poller_;
  mail::SteadyTime next_poll_;

  std::mutex mutex_;  // guards what follows, and next_poll_ while parked
  net::ParkingLot::Ticket ticket_ = 0;
  std::shared_ptr<const Config> next_config_;
  const AccountConfig* next_account_ = nullptr;
  bool running_ = false, again_ = false, removed_ = false;
};

Scheduler::Scheduler(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot,
                     net::WorkerPool& pool)
    : shared_(new Shared{store, clock, log, lot, pool, {}, {}}) {}

Scheduler::~Scheduler() {
  stop();
}

void Scheduler::apply(std::shared_ptr<const Config> config) {
  std::lock_guard lock(shared_->mutex);
  for (auto seat = shared_->seats.begin(); seat != shared_->seats.end();) {
    auto account = config->accounts.find(seat->first);
    if (account == config->accounts.end()) {
      seat->second->end();
      seat = shared_->seats.erase(seat);
    } else {
      seat->second->reconfigure(config, account->second);
      ++seat;
    }
  }
  for (const auto& [name, account] : config->accounts) {
    auto [seat, is_new] = shared_->seats.try_emplace(name, nullptr);
    if (!is_new) continue;
    seat->second = std::make_shared<Seat>(shared_, config, account);
    seat->second->begin();
  }
}

bool Scheduler::poll_now(const std::string& account) {
  std::lock_guard lock(shared_->mutex);
  if (account.empty()) {
    for (const auto& [name, seat] : shared_->seats) seat->poll_now();
    return true;
  }
  auto found = shared_->seats.find(account);
  if (found == shared_->seats.end()) return false;
  found->second->poll_now();
  return true;
}

void Scheduler::stop() noexcept {
  std::lock_guard lock(shared_->mutex);
  for (const auto& [name, seat] : shared_->seats) seat->end();
  shared_->seats.clear();
}

}  // namespace mailstead::agent
