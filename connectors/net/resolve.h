// Host names to addresses, without holding the caller longer than its deadline. Internal to connectors/net.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <optional>
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

// What a lookup brings, family by family, as it comes (RFC 8305 §3). One thread at a time.
class AddressFeed {
 public:
  struct Answer {
    int family = 0;
    std::vector<SocketAddress> addresses;  // in the system's order of preference
    std::string error;                     // without addresses: why
  };
  virtual ~AddressFeed() = default;
  // Readable while take() has something new; -1 when all of it is there from the start.
  [[nodiscard]] virtual int descriptor() const = 0;
  // What has come since the last call. Each family answers once.
  [[nodiscard]] virtual std::vector<Answer> take() = 0;
};

// Both families at once, at most kMaxAddresses of each. Ending the feed leaves the lookup to itself. Throws as
// resolve() for the wait until a lookup may begin.
[[nodiscard]] std::unique_ptr<AddressFeed> start_lookup(const std::string& host, std::uint16_t port,
                                                        const Deadline& deadline);

// The address that `text` spells; nothing when it is a name.
[[nodiscard]] std::optional<SocketAddress> numeric_address(const std::string& text, std::uint16_t port);

}  // namespace mailstead::net
