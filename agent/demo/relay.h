// The SMTP server at the other end of the demo's redelivery: takes every message and remembers how many.
//
// Not a mail server: it keeps nothing, and speaks just enough SMTP (RFC 5321) to be delivered to by our own client.
#pragma once

#include <atomic>
#include <memory>

#include "connectors/net/server_session.h"

namespace mailstead::agent::demo {

struct RelayCounts {
  std::atomic<std::uint64_t> messages{0}, octets{0};
};

[[nodiscard]] net::ServerSessionFactory make_relay_factory(std::shared_ptr<RelayCounts> counts);

}  // namespace mailstead::agent::demo
