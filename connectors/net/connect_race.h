// Happy Eyeballs (RFC 8305): of all addresses of a host the one that answers first. Internal to connectors/net.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "connectors/net/resolve.h"
#include "connectors/net/socket_stream.h"

namespace mailstead::net {

// §3: how long IPv4 addresses wait for the IPv6 ones that may still come.
inline constexpr std::chrono::milliseconds kResolutionDelay{50};
// §5: a dead address holds the next one up this long, not until it times out.
inline constexpr std::chrono::milliseconds kAttemptDelay{250};

// Attempts begin in turns of the families, IPv6 first, each kAttemptDelay after the one before or as soon as that has
// failed; addresses join as the feed brings them. `who` begins every text. `source_address`: "" or what our side is
// bound to; addresses of the other family are left out then. Throws kTemporary/kSession with the last address's error,
// or the lookup's when there was no address.
[[nodiscard]] std::unique_ptr<SocketStream> connect_first(const std::string& who, AddressFeed& feed,
                                                          const std::string& source_address, const Deadline& deadline);

// TCP_NODELAY and keep-alive.
void set_socket_options(int descriptor);

}  // namespace mailstead::net
