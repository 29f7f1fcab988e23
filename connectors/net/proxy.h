// The dialogue with a proxy over a fresh connection to it, until the connection leads to the server. Internal to
// connectors/net.
//
// The proxy resolves the name. Not an octet behind its answer is read: what follows is the server's. Failures:
// kTemporary/kSession for what the proxy could not do (its reason in words), kProtocol/kSession for an answer that is
// none or over kMaxProxyAnswer, kConfiguration/kAccount when it refuses our user and password or wants some.
#pragma once

#include <string>

#include "connectors/net/endpoint.h"
#include "connectors/net/socket_stream.h"

namespace mailstead::net {

inline constexpr std::size_t kMaxProxyAnswer = 16 * 1024;  // HTTP's; those of SOCKS have at most 262 octets

// RFC 1928, RFC 1929.
void ask_socks5(SocketStream& stream, const Proxy& proxy, const std::string& host, std::uint16_t port,
                const Deadline& deadline);
// RFC 9110 §9.3.6, §11.7; Basic (RFC 7617).
void ask_http(SocketStream& stream, const Proxy& proxy, const std::string& host, std::uint16_t port,
              const Deadline& deadline);

}  // namespace mailstead::net
