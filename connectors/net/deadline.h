// How long a wait may last, and the request that ends it early. Every wait on a peer takes one.
#pragma once

#include <chrono>
#include <stop_token>

#include "mail/clock.h"

namespace mailstead::net {

// Cheap to copy. Waits that take it end within a second of a stop request.
struct Deadline {
  mail::SteadyTime at;
  std::stop_token stop;

  [[nodiscard]] static Deadline in(std::chrono::milliseconds wait, std::stop_token stop_token = {}) {
    return {std::chrono::steady_clock::now() + wait, std::move(stop_token)};
  }
  [[nodiscard]] Deadline capped(std::chrono::milliseconds wait) const {
    auto other = std::chrono::steady_clock::now() + wait;
    return {other < at ? other : at, stop};
  }
};

}  // namespace mailstead::net
