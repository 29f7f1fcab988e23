// What a service tells the manager that started it (sd_notify(3), sd_watchdog_enabled(3)): one datagram to the socket
// that $NOTIFY_SOCKET names. The protocol is stable and small; systemd's library would bring six others into every
// process.
//
// Where no manager asked for it nothing is sent. A notice that cannot be delivered is dropped: nobody else could be
// told.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace mailstead::agent {

// Such as "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1". True if it was sent.
bool tell_service_manager(std::string_view notice);

// The time within which the manager wants a sign of life from this process, if it wants one.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_timeout();

}  // namespace mailstead::agent
