#include "agent/delivery/pace.h"

#include <algorithm>
#include <cmath>

namespace mailstead::agent {

namespace {

using Seconds = std::chrono::duration<double>;

// How long a bucket of `limit` takes to hold `wanted`, in seconds.
double wait_for(double wanted, double held, std::uint64_t limit, std::chrono::seconds per) {
  if (limit == 0 || held >= wanted) return 0;
  return (wanted - held) * Seconds(per).count() / static_cast<double>(limit);
}

}  // namespace

void Pace::refill(mail::SteadyTime now) {
  const auto most_messages = static_cast<double>(limit_.messages), most_bytes = static_cast<double>(limit_.bytes);
  if (!begun_) {
    begun_ = true;
    messages_ = most_messages;
    bytes_ = most_bytes;
  } else {
    const double part = Seconds(now - filled_at_).count() / Seconds(limit_.per).count();
    messages_ = std::min(most_messages, messages_ + part * most_messages);
    bytes_ = std::min(most_bytes, bytes_ + part * most_bytes);
  }
  filled_at_ = now;
}

bool Pace::ready(mail::SteadyTime now) {
  return ready_at(now) <= now;
}

mail::SteadyTime Pace::ready_at(mail::SteadyTime now) {
  refill(now);
  const double wait =
      std::max(wait_for(1, messages_, limit_.messages, limit_.per), wait_for(1, bytes_, limit_.bytes, limit_.per));
  return now + std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(wait * 1000)));
}

void Pace::took(mail::ByteCount size, mail::SteadyTime now) {
  refill(now);
  messages_ -= 1;
  bytes_ -= static_cast<double>(size);
}

}  // namespace mailstead::agent
