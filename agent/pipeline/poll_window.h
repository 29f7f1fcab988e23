// The hours in which an account may be polled, by local time (TZ, /etc/localtime). Pure but for the time zone.
//
// Whether a window is open is read off the local clock at each instant, so a day of 23 or 25 hours needs no thought.
#pragma once

#include <optional>
#include <vector>

#include "agent/config/config.h"
#include "mail/clock.h"

namespace mailstead::agent {

// No windows at all are always open.
[[nodiscard]] bool is_open(const std::vector<PollWindow>& windows, mail::WallTime now);
// How long until one opens, to the minute: zero when one is open, nullopt when none ever does.
[[nodiscard]] std::optional<std::chrono::seconds> opens_in(const std::vector<PollWindow>& windows, mail::WallTime now);

}  // namespace mailstead::agent
