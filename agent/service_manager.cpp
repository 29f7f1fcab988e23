#include "agent/service_manager.h"

#include "connectors/descriptor.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace mailstead::agent {

namespace {

// The value of a variable that holds a positive number and nothing else.
std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value == 0) return std::nullopt;
  return value;
}

}  // namespace

bool tell_service_manager(std::string_view notice) {
  const char* place = std::getenv("NOTIFY_SOCKET");
  if (place == nullptr || (*place != '/' && *place != '@')) return false;
  const std::string_view path(place);
  sockaddr_un address{};
  if (path.size() < 2 || path.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (*place == '@') address.sun_path[0] = '\0';  // the abstract namespace: its names need no file
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const connectors::Descriptor wire(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return wire && ::sendto(wire.get(), notice.data(), notice.size(), MSG_NOSIGNAL,
                          reinterpret_cast<const sockaddr*>(&address), size) == static_cast<ssize_t>(notice.size());
}

std::optional<std::chrono::microseconds> watchdog_timeout() {
  const auto timeout = number_from_environment("WATCHDOG_USEC");
  if (!timeout || *timeout > static_cast<std::uint64_t>(std::chrono::microseconds::max().count())) return std::nullopt;
  // Named in $WATCHDOG_PID it is meant for that process alone; a child that inherited the variables is not asked.
  if (std::getenv("WATCHDOG_PID") != nullptr &&
      number_from_environment("WATCHDOG_PID") != static_cast<std::uint64_t>(::getpid()))
    return std::nullopt;
  return std::chrono::microseconds(*timeout);
}

}  // namespace mailstead::agent
