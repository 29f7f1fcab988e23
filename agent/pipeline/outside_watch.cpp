#include "agent/pipeline/outside_watch.h"

#include "connectors/descriptor.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <mutex>

namespace mailstead::agent {
namespace {

using connectors::Descriptor;
using std::chrono::nanoseconds;

constexpr std::chrono::seconds kShortestSleep{5};  // less is no sleep that a connection would notice

nanoseconds reading(clockid_t clock) {
  timespec at{};
  ::clock_gettime(clock, &at);
  return std::chrono::seconds(at.tv_sec) + nanoseconds(at.tv_nsec);
}

std::string address_text(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* octets = address->sa_family == AF_INET
                           ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
                           : &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return ::inet_ntop(address->sa_family, octets, text.data(), text.size()) != nullptr ? text.data() : "";
}

bool is_usable(const ifaddrs& one) {
  constexpr unsigned kUp = IFF_UP | IFF_RUNNING;
  if (one.ifa_addr == nullptr || (one.ifa_flags & kUp) != kUp || (one.ifa_flags & IFF_LOOPBACK) != 0) return false;
  if (one.ifa_addr->sa_family == AF_INET) return true;
  if (one.ifa_addr->sa_family != AF_INET6) return false;
  return IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(one.ifa_addr)->sin6_addr) == 0;
}

std::set<std::string> addresses_of_this_machine() {
  std::set<std::string> addresses;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return addresses;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next)
    if (is_usable(*one)) addresses.insert(std::string(one->ifa_name) + ' ' + address_text(one->ifa_addr));
  ::freeifaddrs(all);
  return addresses;
}

Descriptor open_timer() {
  return Descriptor(::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
}

// A time that never comes: only the cancelling is of interest.
bool arm(const Descriptor& timer) {
  itimerspec never{};
  never.it_value.tv_sec = std::time(nullptr) + 100LL * 365 * 24 * 3600;
  return ::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr) == 0;
}

Descriptor open_routes() {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return socket;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return Descriptor();
  return socket;
}

// Whatever was said; lost messages (ENOBUFS) ring as well.
void drain(const Descriptor& routes) {
  std::array<char, 8192> bytes{};
  while (::recv(routes.get(), bytes.data(), bytes.size(), 0) > 0 || errno == ENOBUFS || errno == EINTR) errno = 0;
}

}  // namespace

Outside this_machine() {
  return {addresses_of_this_machine, [] { return reading(CLOCK_BOOTTIME) - reading(CLOCK_MONOTONIC); }};
}

// The mutex is held while `changed` runs, so that the end of the watch can wait for it.
struct OutsideWatch::State : std::enable_shared_from_this<State> {
  State(net::ParkingLot& lot_in, std::function<void(OutsideChange)> changed_in, Outside outside_in)
      : lot(lot_in), changed(std::move(changed_in)), outside(std::move(outside_in)) {}

  net::ParkingLot& lot;
  std::mutex mutex;
  bool ended = false;
  std::function<void(OutsideChange)> changed;
  Outside outside;
  std::set<std::string> addresses;
  nanoseconds slept{0};
  Descriptor timer, routes;
  net::ParkingLot::Ticket timer_ticket = 0, routes_ticket = 0, settle_ticket = 0;
  mail::SteadyTime quiet_at{};

  void begin() {
    std::lock_guard lock(mutex);
    addresses = outside.addresses();
    slept = outside.slept();
    timer = open_timer();
    routes = open_routes();
    if (timer && arm(timer)) watch_timer();
    if (routes) watch_routes();
  }

  void end() {
    std::lock_guard lock(mutex);
    ended = true;
    for (const auto ticket : {timer_ticket, routes_ticket, settle_ticket}) lot.notify(ticket);
  }

  // The rest with the mutex held.
  net::ParkingLot::Ticket park(int descriptor, mail::SteadyTime until, void (State::*then)()) {
    return lot.park(descriptor, descriptor < 0 ? net::Interest::kNone : net::Interest::kRead, until,
                    [self = shared_from_this(), then](net::WakeReason reason) {
                      if (reason == net::WakeReason::kStopped) return;
                      std::lock_guard lock(self->mutex);
                      if (!self->ended) (self.get()->*then)();
                    });
  }
  void watch_timer() { timer_ticket = park(timer.get(), mail::SteadyTime::max(), &State::on_timer); }
  void watch_routes() { routes_ticket = park(routes.get(), mail::SteadyTime::max(), &State::on_routes); }

  void on_timer() {
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto got = ::read(timer.get(), &expirations, sizeof(expirations));  // ECANCELED
    const nanoseconds before = std::exchange(slept, outside.slept());
    if (arm(timer)) watch_timer();
    changed(slept - before >= kShortestSleep ? OutsideChange::kSlept : OutsideChange::kClockSet);
  }

  void on_routes() {
    drain(routes);
    watch_routes();
    rung();
  }

  void rung() {
    const bool waiting = quiet_at != mail::SteadyTime{};
    quiet_at = std::chrono::steady_clock::now() + outside.settle;
    if (!waiting) settle_ticket = park(-1, quiet_at, &State::on_quiet);
  }

  void on_quiet() {
    if (std::chrono::steady_clock::now() < quiet_at) {
      settle_ticket = park(-1, quiet_at, &State::on_quiet);
      return;
    }
    quiet_at = {};
    std::set<std::string> now = outside.addresses();
    const bool other = now != addresses;
    addresses = std::move(now);
    // Without any address there is nothing to be done.
    if (other && !addresses.empty()) changed(OutsideChange::kNetwork);
  }
};

OutsideWatch::OutsideWatch(net::ParkingLot& lot, std::function<void(OutsideChange)> changed, Outside outside)
    : state_(std::make_shared<State>(lot, std::move(changed), std::move(outside))) {
  state_->begin();
}

OutsideWatch::~OutsideWatch() {
  state_->end();
}

void OutsideWatch::ring() {
  std::lock_guard lock(state_->mutex);
  if (!state_->ended) state_->rung();
}

}  // namespace mailstead::agent
