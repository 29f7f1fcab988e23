#include "connectors/net/parking_lot.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#include "connectors/descriptor.h"
#include "mail/failure.h"

namespace mailstead::net {

using connectors::Descriptor;
namespace {

constexpr std::uint64_t kBell = 0;  // the eventfd's mark; tickets begin at 1
constexpr std::size_t kEventsPerRound = 256;
constexpr std::chrono::milliseconds kLongestWait{60'000};

}  // namespace

// Cases of leaving: each takes the entry out of `entries` under the lock and so decides alone who wakes it: an
// event (loop thread), its deadline (loop thread), notify() (any thread, wakes by way of `due`), stop.
struct ParkingLot::State {
  using Deadlines = std::multimap<mail::SteadyTime, Ticket>;
  struct Entry {
    int descriptor = -1;
    bool polled = false;
    Wake wake;
    Deadlines::iterator deadline;
  };
  struct Due {
    Wake wake;
    WakeReason reason;
  };

  mutable std::mutex mutex;
  Descriptor epoll, bell;
  std::unordered_map<Ticket, Entry> entries;
  Deadlines deadlines;
  std::vector<Due> due;
  Ticket last_ticket = 0;
  bool stopped = false;
  std::mutex join_mutex;
  std::thread thread;
  std::thread::id thread_id;  // constant once made, unlike what `thread` says during join()

  void ring() noexcept {
    const std::uint64_t one = 1;
    // Full means that it rings already.
    [[maybe_unused]] const auto written = ::write(bell.get(), &one, sizeof(one));
  }

  // Under the lock.
  void take_out(std::unordered_map<Ticket, Entry>::iterator entry, WakeReason reason) {
    if (entry->second.polled) ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, entry->second.descriptor, nullptr);
    deadlines.erase(entry->second.deadline);
    due.push_back({std::move(entry->second.wake), reason});
    entries.erase(entry);
  }

  // Under the lock. False when the descriptor cannot be waited for.
  bool watch(int descriptor, Interest interest, Ticket ticket) {
    epoll_event event{};
    event.events = EPOLLONESHOT | (interest == Interest::kRead ? EPOLLIN | EPOLLRDHUP : EPOLLOUT);
    event.data.u64 = ticket;
    return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
  }

  int wait_milliseconds() const {
    if (!due.empty()) return 0;
    if (deadlines.empty()) return static_cast<int>(kLongestWait.count());
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadlines.begin()->first - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kLongestWait).count());
  }

  void run();
  void collect(const epoll_event* events, int count);
  void collect_expired();
};

void ParkingLot::State::collect(const epoll_event* events, int count) {
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == kBell) {
      std::uint64_t rung = 0;
      [[maybe_unused]] const auto got = ::read(bell.get(), &rung, sizeof(rung));
      continue;
    }
    // An event of an entry that left meanwhile names a ticket that is gone for good.
    const auto entry = entries.find(events[i].data.u64);
    if (entry != entries.end()) take_out(entry, WakeReason::kReady);
  }
}

void ParkingLot::State::collect_expired() {
  const auto now = std::chrono::steady_clock::now();
  while (!deadlines.empty() && deadlines.begin()->first <= now)
    take_out(entries.find(deadlines.begin()->second), WakeReason::kDeadline);
}

void ParkingLot::State::run() {
  std::array<epoll_event, kEventsPerRound> events;
  std::vector<Due> now_due;
  for (bool last = false; !last;) {
    int wait = 0;
    {
      std::lock_guard lock(mutex);
      wait = stopped ? 0 : wait_milliseconds();
    }
    const int count = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), wait);
    {
      std::lock_guard lock(mutex);
      collect(events.data(), std::max(count, 0));
      collect_expired();
      last = stopped;
      while (last && !entries.empty()) take_out(entries.begin(), WakeReason::kStopped);
      now_due.swap(due);
    }
    for (Due& one : now_due) {
      try {
        one.wake(one.reason);
      } catch (...) {
        // A wake only hands work on; one that fails must not end the others' waiting.
      }
    }
    now_due.clear();
  }
}

ParkingLot::ParkingLot() : state_(std::make_unique<State>()) {
  state_->epoll = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  state_->bell = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kBell;
  if (!state_->epoll || !state_->bell ||
      ::epoll_ctl(state_->epoll.get(), EPOLL_CTL_ADD, state_->bell.get(), &event) != 0)
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kProcess,
                        "cannot wait for connections: " + std::generic_category().message(errno));
  state_->thread = std::thread([state = state_.get()] { state->run(); });
  state_->thread_id = state_->thread.get_id();
  ::pthread_setname_np(state_->thread.native_handle(), "parking lot");
}

ParkingLot::~ParkingLot() {
  stop();
}

ParkingLot::Ticket ParkingLot::park(int descriptor, Interest interest, mail::SteadyTime deadline, Wake wake) {
  State& state = *state_;
  Ticket ticket = 0;
  bool ring = false;
  bool stopped = false;
  {
    std::lock_guard lock(state.mutex);
    ticket = ++state.last_ticket;
    stopped = state.stopped;
    if (!stopped) {
      ring = state.deadlines.empty() || deadline < state.deadlines.begin()->first;
      const auto entry = state.entries
                             .emplace(ticket, State::Entry{descriptor, false, std::move(wake),
                                                           state.deadlines.emplace(deadline, ticket)})
                             .first;
      if (interest != Interest::kNone && descriptor >= 0) {
        entry->second.polled = state.watch(descriptor, interest, ticket);
        // Not waitable (closed, a plain file): the owner's next read or write will say what is wrong.
        if (!entry->second.polled) state.take_out(entry, WakeReason::kReady), ring = true;
      }
    }
  }
  if (ring) state.ring();
  if (stopped) wake(WakeReason::kStopped);
  return ticket;
}

void ParkingLot::notify(Ticket ticket) {
  {
    std::lock_guard lock(state_->mutex);
    const auto entry = state_->entries.find(ticket);
    if (entry == state_->entries.end()) return;
    state_->take_out(entry, WakeReason::kNotified);
  }
  state_->ring();
}

void ParkingLot::stop() noexcept {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
  }
  state_->ring();
  if (state_->thread_id == std::this_thread::get_id()) return;  // from a wake: the destructor joins
  std::lock_guard lock(state_->join_mutex);
  if (state_->thread.joinable()) state_->thread.join();
}

std::size_t ParkingLot::parked() const {
  std::lock_guard lock(state_->mutex);
  return state_->entries.size();
}

}  // namespace mailstead::net
