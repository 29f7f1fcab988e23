// Opening a connection to a configured host.
#pragma once

#include <memory>

#include "connectors/net/endpoint.h"
#include "connectors/net/stream.h"

namespace mailstead::net {

// Connects and, with TlsMode::kImplicit, completes TLS, all within timeouts.connect. A host's addresses are tried by
// Happy Eyeballs (RFC 8305), through a proxy the proxy resolves the name, a tunnel is started and ends with its stream.
// TCP_NODELAY and keep-alive are set. Throws Failure: kTemporary (DNS, refused, timeout, a proxy's or tunnel's
// trouble), kProtocol for a certificate that does not verify (text says which check failed and how to mend it),
// kConfiguration for a tunnel that cannot be started, a proxy that refuses our password.
[[nodiscard]] std::unique_ptr<Stream> dial(const Endpoint& endpoint, const Deadline& deadline);

// Wraps a connected descriptor (accepted by a listener, or one end of a socketpair in tests); owns it.
[[nodiscard]] std::unique_ptr<Stream> adopt_descriptor(int descriptor);

}  // namespace mailstead::net
