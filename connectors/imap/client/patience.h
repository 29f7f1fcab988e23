// How long a session waits for its server: for each answer, and in all.
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>

#include "connectors/net/deadline.h"
#include "mail/limits.h"

namespace mailstead::imap {

inline constexpr mail::ByteCount kMinBytesPerSecond = 500;  // Postfix min_data_rate: slower than that is an attack

struct Patience {
  std::chrono::milliseconds idle{120'000};  // for one answer, and between two reads of it
  mail::SteadyTime end = mail::SteadyTime::max();
  std::stop_token stop;

  [[nodiscard]] net::Deadline within(std::chrono::milliseconds wait) const {
    return {std::min(end, std::chrono::steady_clock::now() + wait), stop};
  }
  [[nodiscard]] net::Deadline for_line() const { return within(idle); }
  [[nodiscard]] net::Deadline for_octets(mail::ByteCount count) const {
    constexpr mail::ByteCount kMost = 86'400;
    return within(idle + std::chrono::seconds(std::min(count / kMinBytesPerSecond, kMost)));
  }
};

}  // namespace mailstead::imap
