// TLS sessions kept for the next connection to the same server (RFC 5077, RFC 8446 §2.2), in memory only. Internal to
// connectors/net.
//
// A resumed session brings no certificate along, so its server was verified when it began, and never since. Therefore a
// session is offered only where all that was verified is the same: server, host name, pins and the whole context
// (authorities, client certificate; one that is made anew begins without sessions), for at most kSessionLifetime, and
// only while the certificate it began with is valid.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <string>

namespace mailstead::net {

inline constexpr std::chrono::hours kSessionLifetime{12};
inline constexpr std::size_t kMaxSessionKeys = 1000;  // of one context
inline constexpr std::size_t kMaxSessionsPerKey = 4;  // a server sends two at a time

// Lets the context keep sessions of connections that have a key (below).
void keep_sessions(SSL_CTX* context);

// Marks the connection as one to `key`, which must say all that was verified apart from the context, and offers a
// session if there is one. A TLS 1.3 session is offered once (RFC 8446 §C.4).
void use_sessions(SSL* ssl, const std::string& key);

}  // namespace mailstead::net
