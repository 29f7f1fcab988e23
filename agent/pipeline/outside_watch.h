// Notices what happens to the machine under us: the wall clock was set, it slept, its network is another one.
//
// A timer that the kernel cancels when the clock is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET; so it does after a
// sleep) and a routing socket (rtnetlink(7)) wait in the parking lot. The socket is only a bell: what counts is whether
// the machine has other addresses than before, looked up once the bell has been quiet for a moment.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "connectors/net/parking_lot.h"

namespace mailstead::agent {

enum class OutsideChange { kClockSet, kSlept, kNetwork };

// What the machine is asked; tests bring their own.
struct Outside {
  std::function<std::set<std::string>()> addresses;            // usable beyond this machine
  std::function<std::chrono::nanoseconds()> slept;             // in all, since boot
  std::chrono::milliseconds settle = std::chrono::seconds(3);  // how long the bell must have been quiet
};
[[nodiscard]] Outside this_machine();

class OutsideWatch {
 public:
  // `changed` runs on the lot's thread and only hands on. A kernel that grants no timer or routing socket is watched
  // without it.
  OutsideWatch(net::ParkingLot& lot, std::function<void(OutsideChange)> changed, Outside outside = this_machine());
  ~OutsideWatch();  // no call of `changed` begins after it
  OutsideWatch(const OutsideWatch&) = delete;
  OutsideWatch& operator=(const OutsideWatch&) = delete;

  // As if the routing socket had spoken.
  void ring();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mailstead::agent
