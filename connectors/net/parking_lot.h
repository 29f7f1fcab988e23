// Where quiet connections wait without a thread: one epoll loop on one thread, with deadlines and notifications.
//
// Thread-safe. A parked descriptor wakes exactly once (one shot): when ready, at its deadline, when notified, or when
// the lot stops. The wake function runs on the lot's thread and must only hand the work on (to a WorkerPool). The
// descriptor stays the owner's; it must not be closed while parked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "mail/clock.h"

namespace mailstead::net {

enum class WakeReason { kReady, kDeadline, kNotified, kStopped };
enum class Interest { kRead, kWrite, kNone };  // kNone: deadline and notification only (descriptor −1 allowed)

class ParkingLot {
 public:
  using Ticket = std::uint64_t;  // never reused, never 0
  using Wake = std::function<void(WakeReason)>;

  ParkingLot();
  ~ParkingLot();  // stop()
  ParkingLot(const ParkingLot&) = delete;
  ParkingLot& operator=(const ParkingLot&) = delete;

  // After stop() the wake comes at once, from the calling thread, with kStopped.
  Ticket park(int descriptor, Interest interest, mail::SteadyTime deadline, Wake wake);
  // Wakes it with kNotified if it is still parked; otherwise nothing.
  void notify(Ticket ticket);
  // Wakes all with kStopped and ends the thread.
  void stop() noexcept;
  [[nodiscard]] std::size_t parked() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mailstead::net
