#include "agent/pipeline/poll_window.h"

#include <algorithm>
#include <ctime>

namespace mailstead::agent {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr minutes kDay{24 * 60};
constexpr minutes kMaxShift{180};  // no clock was ever put forward or back by more at once
constexpr minutes kWeek = 7 * kDay;

struct LocalTime {
  std::size_t day = 0;  // of the week, Sunday first
  minutes minute{0};    // of the day
};

LocalTime local_time(mail::WallTime now) {
  const std::time_t instant = now.time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&instant, &parts);
  return {static_cast<std::size_t>(parts.tm_wday), minutes(parts.tm_hour * 60 + parts.tm_min)};
}

bool over_midnight(const PollWindow& window) {
  return window.until <= window.from;
}

bool contains(const PollWindow& window, const LocalTime& at) {
  if (!over_midnight(window)) return window.days[at.day] && at.minute >= window.from && at.minute < window.until;
  const std::size_t yesterday = (at.day + 6) % 7;
  return (window.days[at.day] && at.minute >= window.from) || (window.days[yesterday] && at.minute < window.until);
}

// Until the next beginning, on a clock that nobody shifts.
std::optional<minutes> begins_in(const std::vector<PollWindow>& windows, const LocalTime& at) {
  std::optional<minutes> soonest;
  for (const PollWindow& window : windows)
    for (std::size_t ahead = 0; ahead <= 7; ++ahead) {
      if (!window.days[(at.day + ahead) % 7]) continue;
      const minutes wait = kDay * ahead + window.from - at.minute;
      if (wait > minutes(0) && (!soonest || wait < *soonest)) soonest = wait;
    }
  return soonest;
}

}  // namespace

bool is_open(const std::vector<PollWindow>& windows, mail::WallTime now) {
  if (windows.empty()) return true;
  const LocalTime at = local_time(now);
  return std::any_of(windows.begin(), windows.end(), [&](const PollWindow& window) { return contains(window, at); });
}

std::optional<seconds> opens_in(const std::vector<PollWindow>& windows, mail::WallTime now) {
  if (is_open(windows, now)) return seconds(0);
  const auto guess = begins_in(windows, local_time(now));
  if (!guess) return std::nullopt;
  // The last hours go minute by minute: a shift of the clock may lie in them.
  mail::WallTime at = std::chrono::floor<minutes>(now) + std::max(minutes(1), *guess - kMaxShift);
  for (const mail::WallTime last = now + kWeek + kDay; at < last; at += minutes(1))
    if (is_open(windows, at)) return at - now;
  return std::nullopt;
}

}  // namespace mailstead::agent
