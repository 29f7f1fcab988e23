// Opening a connection to a configured host.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "connectors/net/stream.h"
#include "mail/limits.h"

namespace mailstead::net {

struct Timeouts {
  std::chrono::seconds connect{30};
  std::chrono::seconds greeting{60};
  std::chrono::seconds command{120};  // until the answer to a command begins, and between two reads of it
  std::chrono::seconds total{3600};   // one whole session
  bool operator==(const Timeouts&) const = default;
};

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  std::string unix_socket;  // instead of host and port
  TlsMode tls = TlsMode::kImplicit;
  TlsSettings tls_settings;
  Timeouts timeouts;
  bool operator==(const Endpoint&) const = default;
};

// Connects (each address of the host in turn, connect timeout for all) and, with TlsMode::kImplicit, completes TLS.
// TCP_NODELAY and keep-alive are set. Throws Failure: kTemporary (DNS, refused, timeout), kProtocol or
// kPermanent/kAccount for a certificate that does not verify (text says which check failed and how to mend it).
[[nodiscard]] std::unique_ptr<Stream> dial(const Endpoint& endpoint, const Deadline& deadline);

// Wraps a connected descriptor (accepted by a listener, or one end of a socketpair in tests); owns it.
[[nodiscard]] std::unique_ptr<Stream> adopt_descriptor(int descriptor);

}  // namespace mailstead::net
