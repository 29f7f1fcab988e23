// The deliveries of one destination that are in hand, the connections that carry them, and how the destination is
// doing.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "agent/delivery/pace.h"
#include "connectors/destination.h"
#include "mail/clock.h"
#include "storage/queue.h"

namespace mailstead::agent {

// One delivery tries a destination, and only its success lets the others follow. When a session fails it is left alone
// for a while as a whole, then tried by one again.
// Guarded by the dispatcher's mutex.
class Lane {
 public:
  static constexpr std::size_t kInHand = 64;  // deliveries at once: the others wait on disk

  Lane(const DestinationConfig& settings, std::shared_ptr<const delivery::Destination> destination);

  const std::string name;
  const std::shared_ptr<const delivery::Destination> destination;
  const bool remote;              // others may send it back to us: trace and loop check
  const std::size_t connections;  // at most so many beside each other
  const std::chrono::seconds keep_open;

  std::deque<storage::QueuedDelivery> waiting;
  bool more = false;         // on disk, due
  std::size_t working = 0;   // workers, those that have not begun included
  std::size_t starting = 0;  // those that have not begun

  struct Kept {
    std::unique_ptr<delivery::Transport> transport;
    mail::SteadyTime until;
  };
  std::vector<Kept> kept;  // idle connections

  // How many deliveries it may be given now.
  [[nodiscard]] std::size_t room(mail::SteadyTime now);
  [[nodiscard]] bool wants_worker(mail::SteadyTime now);
  // Nothing may begin: it is left alone, or its rate is used up.
  [[nodiscard]] bool rests(mail::SteadyTime now);
  [[nodiscard]] mail::SteadyTime rests_until(mail::SteadyTime now);

  void took(mail::ByteCount size, mail::SteadyTime now) { pace_.took(size, now); }
  void failed(const std::string& why, bool reported, mail::SteadyTime now, std::uint64_t spread);
  void worked() noexcept;
  void forget_rest() noexcept { left_alone_until_ = {}; }
  // What was known of the same destination under an earlier configuration, but for its rest.
  void learn_from(const Lane& earlier);

  // Why it fails, and whether that is old enough to give up on it what is too old; "" while it works.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] bool failing_for_long(mail::SteadyTime now) const noexcept;
  [[nodiscard]] bool outage_reported() const noexcept { return outage_reported_; }

 private:
  Pace pace_;
  bool proven_ = false;    // the last session worked
  unsigned failures_ = 0;  // sessions that failed in a row
  mail::SteadyTime failing_since_{}, left_alone_until_{};
  std::string failure_;
  bool outage_reported_ = false;
};

}  // namespace mailstead::agent
