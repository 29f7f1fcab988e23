// Host names to addresses, without holding the caller longer than its deadline. Internal to connectors/net.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/net/deadline.h"

namespace mailstead::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

// "192.0.2.1", "2001:db8::1"; "local" for anything that is not an IP address.
[[nodiscard]] std::string host_text(const SocketAddress& address);
// "192.0.2.1:993", "[2001:db8::1]:993".
[[nodiscard]] std::string host_port_text(const SocketAddress& address);
[[nodiscard]] std::uint16_t port_of(const SocketAddress& address);
[[nodiscard]] bool is_loopback(const SocketAddress& address);

// At most kMaxAddresses, in the system's order of preference (RFC 6724). Throws kTemporary/kSession for an unknown
// host, a failed lookup, or the deadline.
inline constexpr std::size_t kMaxAddresses = 16;
[[nodiscard]] std::vector<SocketAddress> resolve(const std::string& host, std::uint16_t port, const Deadline& deadline);

}  // namespace mailstead::net
