// When an account is polled next: pure decisions. All waits are lengths of steady time, so that a wall clock that jumps
// neither stops the polls nor heaps them up; what must be spread is spread by a number that the caller brings.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/trouble.h"
#include "mail/clock.h"

namespace mailstead::agent {

// Differs between accounts and between instants, is the same for the same.
[[nodiscard]] std::uint64_t spread_of(std::string_view account, mail::SteadyTime instant) noexcept;
// Up to a twentieth sooner or later: intervals.
[[nodiscard]] std::chrono::seconds jittered(std::chrono::seconds wait, std::uint64_t spread) noexcept;
// Up to a fifth later, never sooner: backoff, and what a server asked for.
[[nodiscard]] std::chrono::seconds delayed(std::chrono::seconds wait, std::uint64_t spread) noexcept;

// When an account of `together` that begin (or are woken) at once has its turn: at once where they are few, else at its
// own place, always the same one, within a minute at most.
[[nodiscard]] std::chrono::milliseconds turn_of(std::string_view account, std::size_t together) noexcept;

// How a poll ended.
struct PollEnd {
  bool more = false;                               // a limit ended it: there is more to fetch
  std::optional<AccountVerdict> trouble;           // it failed
  std::optional<std::chrono::seconds> not_before;  // what the server asked for
};

struct NextPoll {
  std::chrono::seconds in{0};
  std::chrono::seconds not_before{0};  // nothing but the user's own request comes sooner: the server asked for it
  bool paused = false;
};
[[nodiscard]] NextPoll plan_next_poll(std::chrono::seconds interval, const PollEnd& end, std::uint64_t spread);

// After `fruitless` wakes in a row that brought nothing: how long a connection is not listened to.
[[nodiscard]] std::chrono::seconds rest_after_fruitless(unsigned fruitless) noexcept;

}  // namespace mailstead::agent
