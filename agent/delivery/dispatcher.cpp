#include "agent/delivery/dispatcher.h"

#include "agent/delivery/attempt.h"
#include "agent/delivery/destinations.h"
#include "agent/delivery/lane.h"
#include "agent/delivery/trace.h"
#include "agent/trouble.h"
#include "mail/escape.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

namespace mailstead::agent {

namespace {

constexpr std::size_t kInHand = 256;               // deliveries leased at once
constexpr std::chrono::seconds kLongestSleep{60};  // a look at the queue at least so often, whatever was announced
constexpr RetryPolicy kDestinationRetry{std::chrono::seconds(30), std::chrono::seconds(600), std::chrono::seconds(0)};

}  // namespace

struct Dispatcher::Shared : std::enable_shared_from_this<Dispatcher::Shared> {
  Shared(storage::Store& store_in, const mail::Clock& clock_in, Log& log_in, net::ParkingLot& lot_in,
         net::WorkerPool& pool_in)
      : store(store_in), clock(clock_in), log(log_in), lot(lot_in), pool(pool_in) {}

  storage::Store& store;
  const mail::Clock& clock;
  Log& log;
  net::ParkingLot& lot;
  net::WorkerPool& pool;

  std::mutex mutex;  // guards what follows; never held across I/O
  std::condition_variable idle;
  std::shared_ptr<const Config> config;
  std::string instance;
  std::map<std::string, std::shared_ptr<Lane>> lanes;
  std::set<storage::DeliveryId> leased;
  DispatchCounts counts;
  net::ParkingLot::Ticket ticket = 0;
  bool looking = false, look_again = false, stopped = false, background = false;

  void set_config(std::shared_ptr<const Config> next);
  void look_soon();
  void look();
  std::size_t take_due();
  void put(storage::QueuedDelivery delivery, std::vector<storage::QueuedDelivery>& later);
  void start_workers(const std::shared_ptr<Lane>& lane);
  void work(const std::shared_ptr<Lane>& lane, const std::stop_token& stop);
  void after_attempt(const std::shared_ptr<Lane>& lane, const storage::QueuedDelivery& delivery, const AttemptEnd& end);
  void sleep();
  void drop_old_connections();
};

// Lanes of the old configuration finish what they have in hand.
void Dispatcher::Shared::set_config(std::shared_ptr<const Config> next) {
  const std::string name = instance_of(next->data_dir);
  auto destinations = make_destinations(*next, name);
  std::lock_guard lock(mutex);
  for (auto& [lane_name, lane] : lanes) {
    for (const auto& delivery : lane->waiting) leased.erase(delivery.id);
    lane->waiting.clear();
  }
  lanes.clear();
  for (auto& [destination_name, destination] : destinations) {
    const auto& settings = next->destinations.at(destination_name);
    auto lane = std::make_shared<Lane>();
    lane->destination = std::move(destination);
    // A mailbox keeps what it is given: nothing is sent on from there, and the octets stay what they were.
    using Type = DestinationConfig::Type;
    lane->remote = settings.type != Type::kMaildir && settings.type != Type::kMbox && settings.type != Type::kImap;
    lane->connections = std::max<std::size_t>(1, settings.connections);
    lane->keep_open = settings.keep_open;
    lanes.emplace(destination_name, std::move(lane));
  }
  if (instance.empty()) instance = name;  // read without the lock by workers: one data directory, one name
  config = std::move(next);
}

// At most one look runs at a time; a wish that comes during it makes it look again.
void Dispatcher::Shared::look_soon() {
  std::lock_guard lock(mutex);
  if (stopped || !background) return;
  look_again = true;
  if (looking) return;
  looking = true;
  if (!pool.submit([self = shared_from_this()](const std::stop_token&) { self->look(); })) looking = false;
}

void Dispatcher::Shared::look() {
  for (;;) {
    {
      std::lock_guard lock(mutex);
      look_again = false;
    }
    try {
      take_due();
    } catch (const mail::Failure& failure) {
      log.error("queue: " + failure.text());
    }
    drop_old_connections();
    std::lock_guard lock(mutex);
    if (look_again && !stopped) continue;
    looking = false;
    break;
  }
  sleep();
}

// Leases what is due and hands it to the lanes; returns how many.
std::size_t Dispatcher::Shared::take_due() {
  std::vector<storage::DeliveryId> except;
  {
    std::lock_guard lock(mutex);
    if (stopped || leased.size() >= kInHand) return 0;
    except.assign(leased.begin(), leased.end());
  }
  const auto due = store.queue().due(clock.wall(), kInHand - except.size(), except);
  std::vector<storage::QueuedDelivery> later;
  {
    std::lock_guard lock(mutex);
    for (const auto& delivery : due) put(delivery, later);
    for (const auto& [name, lane] : lanes) start_workers(lane);
  }
  for (const auto& delivery : later) {
    const auto wait = retry_delay(kDestinationRetry, 2, static_cast<std::uint64_t>(delivery.id) * 7919U);
    (void)store.queue().retry_at(delivery.id, clock.wall() + wait);
  }
  return due.size() - later.size();
}

// With the mutex held. What cannot be attempted now goes to `later`.
void Dispatcher::Shared::put(storage::QueuedDelivery delivery, std::vector<storage::QueuedDelivery>& later) {
  auto lane = lanes.find(delivery.destination);
  if (lane == lanes.end()) {
    log.warning(
        fmt::format("queue: delivery {} waits: there is no destination \"{}\" any more; put it back into the "
                    "configuration or: mailstead queue drop {}",
                    delivery.id, mail::printable(delivery.destination), delivery.id));
    later.push_back(std::move(delivery));
    return;
  }
  if (lane->second->left_alone_until > clock.steady()) {
    later.push_back(std::move(delivery));
    return;
  }
  leased.insert(delivery.id);
  lane->second->waiting.push_back(std::move(delivery));
}

void Dispatcher::Shared::start_workers(const std::shared_ptr<Lane>& lane) {
  while (lane->working < lane->connections && lane->working < lane->waiting.size()) {
    ++lane->working;
    if (!pool.submit([self = shared_from_this(), lane](const std::stop_token& stop) { self->work(lane, stop); }))
      --lane->working;
    if (stopped) return;
  }
}

// One connection's worker: goes on as long as its lane has something waiting.
void Dispatcher::Shared::work(const std::shared_ptr<Lane>& lane, const std::stop_token& stop) {
  std::unique_ptr<delivery::Transport> transport;
  std::shared_ptr<const Config> current;
  std::unique_lock lock(mutex);
  if (!lane->kept.empty()) {
    transport = std::move(lane->kept.back().transport);
    lane->kept.pop_back();
  }
  while (!lane->waiting.empty() && !stopped && !stop.stop_requested() && lane->left_alone_until <= clock.steady()) {
    const storage::QueuedDelivery delivery = std::move(lane->waiting.front());
    lane->waiting.pop_front();
    current = config;
    lock.unlock();
    AttemptEnd end;
    try {
      if (!transport) transport = lane->destination->open();
      end = attempt({store, *current, instance, clock}, *transport, lane->remote, delivery, stop);
    } catch (const mail::Failure& failure) {
      end.text = failure.text();
      end.destination_down = stops_everything(failure);
    }
    after_attempt(lane, delivery, end);
    lock.lock();
  }
  // Given up: the rest of the lane is due again at the next look.
  if (lane->left_alone_until > clock.steady() || stopped || stop.stop_requested()) {
    for (const auto& delivery : lane->waiting) leased.erase(delivery.id);
    lane->waiting.clear();
  }
  --lane->working;
  if (transport && transport->worth_keeping() && !stopped && background)
    lane->kept.push_back({std::move(transport), clock.steady() + lane->keep_open});
  const bool was_background = background;
  lock.unlock();
  if (transport) transport->close();
  idle.notify_all();
  if (was_background) look_soon();
}

void Dispatcher::Shared::after_attempt(const std::shared_ptr<Lane>& lane, const storage::QueuedDelivery& delivery,
                                       const AttemptEnd& end) {
  if (!end.cancelled) {
    const std::string line = fmt::format("delivery {} to {}: {}", delivery.id, delivery.destination, end.text);
    end.failed + end.deferred > 0 || end.destination_down ? log.warning(line) : log.info(line);
  }
  std::lock_guard lock(mutex);
  leased.erase(delivery.id);
  counts.delivered += end.delivered;
  counts.deferred += end.deferred;
  counts.failed += end.failed;
  if (end.destination_down) {
    ++lane->failures;
    lane->left_alone_until =
        clock.steady() + retry_delay(kDestinationRetry, lane->failures, static_cast<std::uint64_t>(delivery.id));
  } else if (!end.cancelled) {
    lane->failures = 0;
  }
}

void Dispatcher::Shared::sleep() {
  std::optional<mail::WallTime> next;
  try {
    next = store.queue().next_due();
  } catch (const mail::Failure& failure) {
    log.error("queue: " + failure.text());
  }
  auto wait = kLongestSleep;
  if (next) wait = std::clamp(std::chrono::seconds(*next - clock.wall()), std::chrono::seconds(1), kLongestSleep);
  const auto made =
      lot.park(-1, net::Interest::kNone, clock.steady() + wait, [weak = weak_from_this()](net::WakeReason reason) {
        auto self = weak.lock();
        if (self && reason == net::WakeReason::kDeadline) self->look_soon();
      });
  net::ParkingLot::Ticket old = 0;
  {
    std::lock_guard lock(mutex);
    old = std::exchange(ticket, made);
  }
  if (old != 0) lot.notify(old);  // ends the timer before this one
}

void Dispatcher::Shared::drop_old_connections() {
  std::vector<Lane::Kept> old;
  {
    std::lock_guard lock(mutex);
    for (const auto& [name, lane] : lanes) {
      auto keep = std::partition(lane->kept.begin(), lane->kept.end(),
                                 [&](const Lane::Kept& kept) { return kept.until > clock.steady(); });
      std::move(keep, lane->kept.end(), std::back_inserter(old));
      lane->kept.erase(keep, lane->kept.end());
    }
  }
  for (auto& kept : old) kept.transport->close();
}

Dispatcher::Dispatcher(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot,
                       net::WorkerPool& pool)
    : shared_(std::make_shared<Shared>(store, clock, log, lot, pool)) {}

Dispatcher::~Dispatcher() {
  stop();
}

void Dispatcher::apply(std::shared_ptr<const Config> config) {
  shared_->set_config(std::move(config));
  {
    std::lock_guard lock(shared_->mutex);
    shared_->background = true;
  }
  shared_->store.queue().on_change([weak = std::weak_ptr<Shared>(shared_)] {
    if (auto shared = weak.lock()) shared->look_soon();
  });
  shared_->look_soon();
}

void Dispatcher::kick() {
  {
    std::lock_guard lock(shared_->mutex);
    for (const auto& [name, lane] : shared_->lanes) lane->left_alone_until = {};
  }
  shared_->look_soon();
}

DispatchCounts Dispatcher::run_once(std::shared_ptr<const Config> config, std::stop_token stop) {
  shared_->set_config(std::move(config));
  while (!stop.stop_requested() && shared_->take_due() > 0) {
    std::unique_lock lock(shared_->mutex);
    shared_->idle.wait(lock, [&] { return shared_->leased.empty(); });
  }
  std::unique_lock lock(shared_->mutex);
  const auto at_rest = [&] {
    return std::all_of(shared_->lanes.begin(), shared_->lanes.end(),
                       [](const auto& lane) { return lane.second->working == 0; });
  };
  shared_->idle.wait(lock, at_rest);
  return shared_->counts;
}

void Dispatcher::stop() noexcept {
  shared_->store.queue().on_change({});
  std::lock_guard lock(shared_->mutex);
  shared_->stopped = true;
  shared_->background = false;
  for (const auto& [name, lane] : shared_->lanes) {
    for (const auto& delivery : lane->waiting) shared_->leased.erase(delivery.id);
    lane->waiting.clear();
    lane->kept.clear();
  }
}

}  // namespace mailstead::agent
