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

constexpr std::chrono::seconds kLongestSleep{60};  // a look at the queue at least so often, whatever was announced
constexpr std::chrono::seconds kBusySleep{5};      // of a lane that works: its end is followed by a look anyway
constexpr std::size_t kGiveUpAtOnce = 1000;        // deliveries of one destination, in one look

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
  bool names_checked = false;  // of the destinations in the queue, against this configuration

  void set_config(std::shared_ptr<const Config> next);
  void look_soon();
  void look();
  std::size_t take_due();
  std::size_t take_due(const std::shared_ptr<Lane>& lane);
  void check_names();
  void give_up_old(const std::shared_ptr<Lane>& lane);
  void start_workers(const std::shared_ptr<Lane>& lane);
  void work(const std::shared_ptr<Lane>& lane, const std::stop_token& stop);
  AttemptEnd attempt_one(const std::shared_ptr<Lane>& lane, std::unique_ptr<delivery::Transport>& transport,
                         const AttemptRoom& room, const storage::QueuedDelivery& delivery, const std::stop_token& stop);
  void after_attempt(const std::shared_ptr<Lane>& lane, const storage::QueuedDelivery& delivery, const AttemptEnd& end);
  void release(Lane& lane);
  [[nodiscard]] std::vector<std::shared_ptr<Lane>> all_lanes();
  [[nodiscard]] std::chrono::seconds time_to_next();
  void sleep();
  void drop_old_connections();
};

// Lanes of the old configuration finish what they have in hand.
void Dispatcher::Shared::set_config(std::shared_ptr<const Config> next) {
  const std::string name = instance_of(next->data_dir);
  auto destinations = make_destinations(*next, name);
  std::lock_guard lock(mutex);
  const auto old = std::exchange(lanes, {});
  for (const auto& [lane_name, lane] : old) release(*lane);
  for (auto& [destination_name, destination] : destinations) {
    auto lane = std::make_shared<Lane>(next->destinations.at(destination_name), std::move(destination));
    if (auto before = old.find(destination_name); before != old.end()) lane->learn_from(*before->second);
    lanes.emplace(destination_name, std::move(lane));
  }
  if (instance.empty()) instance = name;  // read without the lock by workers: one data directory, one name
  config = std::move(next);
  names_checked = false;
}

// With the mutex held: what waits in the lane goes back to the queue.
void Dispatcher::Shared::release(Lane& lane) {
  for (const auto& delivery : lane.waiting) leased.erase(delivery.id);
  lane.waiting.clear();
}

std::vector<std::shared_ptr<Lane>> Dispatcher::Shared::all_lanes() {
  std::vector<std::shared_ptr<Lane>> all;
  std::lock_guard lock(mutex);
  for (const auto& [name, lane] : lanes) all.push_back(lane);
  return all;
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
      check_names();
      take_due();
      for (const auto& lane : all_lanes()) give_up_old(lane);
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

// What is due goes to the lanes, each with a turn of its own; returns how many.
std::size_t Dispatcher::Shared::take_due() {
  std::size_t taken = 0;
  for (const auto& lane : all_lanes()) taken += take_due(lane);
  return taken;
}

std::size_t Dispatcher::Shared::take_due(const std::shared_ptr<Lane>& lane) {
  std::vector<storage::DeliveryId> except;
  std::size_t room = 0;
  {
    std::lock_guard lock(mutex);
    if (stopped) return 0;
    room = lane->room(clock.steady());
    if (room > 0) except.assign(leased.begin(), leased.end());
  }
  if (room == 0) return 0;
  auto due = store.queue().due(lane->name, clock.wall(), room, except);
  std::lock_guard lock(mutex);
  lane->more = due.size() == room;
  for (auto& delivery : due) {
    leased.insert(delivery.id);
    lane->waiting.push_back(std::move(delivery));
  }
  start_workers(lane);
  return due.size();
}

// Deliveries to what the configuration no longer names wait untouched.
void Dispatcher::Shared::check_names() {
  {
    std::lock_guard lock(mutex);
    if (std::exchange(names_checked, true)) return;
  }
  for (const auto& name : store.queue().destinations()) {
    std::unique_lock lock(mutex);
    if (lanes.contains(name)) continue;
    const bool ours = config != nullptr && config->destinations.contains(name);
    lock.unlock();
    if (ours) {
      // A mailbox: what is in quarantine for it waits rightly, all else was queued when it was something else.
      if (store.queue().next_due(name))
        log.warning(
            fmt::format("queue: deliveries wait for \"{0}\", which is a mailbox of ours now: mailstead queue retry "
                        "--destination {0} puts them there",
                        mail::printable(name)));
      continue;
    }
    log.warning(
        fmt::format("queue: {} deliveries wait: there is no destination \"{}\" any more; put it back into the "
                    "configuration or: mailstead queue drop --destination {}",
                    store.queue().waiting(name), mail::printable(name), mail::printable(name)));
  }
}

// While a destination is down nothing is attempted, and yet what is too old comes back.
void Dispatcher::Shared::give_up_old(const std::shared_ptr<Lane>& lane) {
  std::vector<storage::DeliveryId> except;
  std::shared_ptr<const Config> current;
  std::string why;
  {
    std::lock_guard lock(mutex);
    if (stopped || !lane->failing_for_long(clock.steady())) return;
    except.assign(leased.begin(), leased.end());
    current = config;
    why = lane->failure();
  }
  for (const auto& delivery : store.queue().due(lane->name, clock.wall(), kGiveUpAtOnce, except)) {
    if (!give_up_if_old({store, *current, instance, clock}, delivery, why)) continue;
    log.warning(fmt::format("delivery {} to {}: returned, too old: {}", delivery.id, delivery.destination, why));
    std::lock_guard lock(mutex);
    counts.failed += std::max<std::size_t>(1, delivery.recipients.size());
  }
}

// With the mutex held.
void Dispatcher::Shared::start_workers(const std::shared_ptr<Lane>& lane) {
  while (!stopped && lane->wants_worker(clock.steady())) {
    ++lane->working;
    ++lane->starting;
    if (pool.submit([self = shared_from_this(), lane](const std::stop_token& stop) { self->work(lane, stop); }))
      continue;
    --lane->working;
    --lane->starting;
    return;
  }
}

// One connection's worker: goes on as long as its lane has something waiting.
void Dispatcher::Shared::work(const std::shared_ptr<Lane>& lane, const std::stop_token& stop) {
  std::unique_ptr<delivery::Transport> transport;
  std::unique_lock lock(mutex);
  --lane->starting;
  if (!lane->kept.empty()) {
    transport = std::move(lane->kept.back().transport);
    lane->kept.pop_back();
  }
  while (!lane->waiting.empty() && !stopped && !stop.stop_requested() && !lane->rests(clock.steady())) {
    const storage::QueuedDelivery delivery = std::move(lane->waiting.front());
    lane->waiting.pop_front();
    lane->took(delivery.size, clock.steady());
    const bool fetch_more = lane->waiting.size() < Lane::kInHand / 2 && std::exchange(lane->more, false);
    const std::shared_ptr<const Config> current = config;
    const AttemptRoom room{store, *current, instance, clock, lane->outage_reported()};
    lock.unlock();
    if (fetch_more) look_soon();
    after_attempt(lane, delivery, attempt_one(lane, transport, room, delivery, stop));
    lock.lock();
  }
  // What may not begin is due again at the next look.
  if (lane->rests(clock.steady()) || stopped || stop.stop_requested()) release(*lane);
  --lane->working;
  if (transport && transport->worth_keeping() && !stopped && background)
    lane->kept.push_back({std::move(transport), clock.steady() + lane->keep_open});
  const bool was_background = background;
  lock.unlock();
  if (transport) transport->close();
  idle.notify_all();
  if (was_background) look_soon();
}

AttemptEnd Dispatcher::Shared::attempt_one(const std::shared_ptr<Lane>& lane,
                                           std::unique_ptr<delivery::Transport>& transport, const AttemptRoom& room,
                                           const storage::QueuedDelivery& delivery, const std::stop_token& stop) {
  try {
    if (!transport) transport = lane->destination->open();
    return attempt(room, *transport, lane->remote, delivery, stop);
  } catch (const mail::Failure& failure) {
    AttemptEnd end;
    end.text = end.failure = failure.text();
    end.destination_down = stops_everything(failure);
    return end;
  }
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
  if (end.destination_down)
    lane->failed(end.failure, end.warned, clock.steady(), static_cast<std::uint64_t>(delivery.id));
  else if (!end.cancelled)
    lane->worked();
}

// Until something may begin.
std::chrono::seconds Dispatcher::Shared::time_to_next() {
  auto least = kLongestSleep;
  for (const auto& lane : all_lanes()) {
    const auto due = store.queue().next_due(lane->name);
    if (!due) continue;
    std::lock_guard lock(mutex);
    const auto now = clock.steady();
    auto wait = std::max(std::chrono::seconds(*due - clock.wall()),
                         std::chrono::ceil<std::chrono::seconds>(lane->rests_until(now) - now));
    if (lane->working > 0) wait = std::max(wait, kBusySleep);
    least = std::min(least, wait);
  }
  return std::max(least, std::chrono::seconds(1));
}

void Dispatcher::Shared::sleep() {
  auto wait = kLongestSleep;
  try {
    wait = time_to_next();
  } catch (const mail::Failure& failure) {
    log.error("queue: " + failure.text());
  }
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
    for (const auto& [name, lane] : shared_->lanes) lane->forget_rest();
  }
  shared_->look_soon();
}

DispatchCounts Dispatcher::run_once(std::shared_ptr<const Config> config, std::stop_token stop) {
  shared_->set_config(std::move(config));
  shared_->check_names();
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
    shared_->release(*lane);
    lane->kept.clear();
  }
}

}  // namespace mailstead::agent
