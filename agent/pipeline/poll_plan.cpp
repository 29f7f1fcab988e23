#include "agent/pipeline/poll_plan.h"

#include <algorithm>

namespace mailstead::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kSoon{1};
constexpr std::size_t kAtOnce = 16;  // so many sign-ins at one instant disturb nobody
constexpr milliseconds kTurn{20};    // fifty sign-ins a second
constexpr milliseconds kLongestTurns{60'000};
constexpr unsigned kPatientWakes = 5;
constexpr seconds kLongestRest{300};

// splitmix64's finisher.
std::uint64_t mixed(std::uint64_t bits) noexcept {
  bits = (bits ^ (bits >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  bits = (bits ^ (bits >> 27U)) * 0x94D049BB133111EBULL;
  return bits ^ (bits >> 31U);
}

std::uint64_t hash_of(std::string_view text) noexcept {  // FNV-1a
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return mixed(hash);
}

}  // namespace

std::uint64_t spread_of(std::string_view account, mail::SteadyTime instant) noexcept {
  return mixed(hash_of(account) + static_cast<std::uint64_t>(instant.time_since_epoch().count()));
}

seconds jittered(seconds wait, std::uint64_t spread) noexcept {
  const std::int64_t span = wait.count() / 10;
  return wait + seconds(static_cast<std::int64_t>(spread % static_cast<std::uint64_t>(span + 1)) - span / 2);
}

seconds delayed(seconds wait, std::uint64_t spread) noexcept {
  const std::int64_t span = wait.count() / 5;
  return wait + seconds(static_cast<std::int64_t>(spread % static_cast<std::uint64_t>(span + 1)));
}

milliseconds turn_of(std::string_view account, std::size_t together) noexcept {
  if (together <= kAtOnce) return milliseconds(0);
  const auto turns = static_cast<milliseconds::rep>(std::min<std::size_t>(together, 1'000'000));
  const milliseconds all = std::min(kTurn * turns, kLongestTurns);
  return milliseconds(static_cast<milliseconds::rep>(hash_of(account) % static_cast<std::uint64_t>(all.count())));
}

NextPoll plan_next_poll(seconds interval, const PollEnd& end, std::uint64_t spread) {
  NextPoll next;
  next.in = end.more ? kSoon : jittered(interval, spread);
  if (end.trouble) {
    next.in = delayed(end.trouble->retry_in, spread);
    next.paused = end.trouble->pause;
    next.not_before = end.trouble->not_before;
  }
  if (end.not_before) next.not_before = std::max(next.not_before, *end.not_before);
  if (next.not_before > seconds(0)) next.in = std::max(next.in, delayed(next.not_before, spread));
  return next;
}

seconds rest_after_fruitless(unsigned fruitless) noexcept {
  if (fruitless < kPatientWakes) return seconds(0);
  return std::min(kLongestRest, seconds(std::int64_t{1} << std::min(fruitless - kPatientWakes, 20U)));
}

}  // namespace mailstead::agent
