// Where a server is and by which way it is reached. Plain values; dial() (dial.h) goes there.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "connectors/net/tls.h"
#include "mail/secret.h"

namespace mailstead::net {

struct Timeouts {
  std::chrono::seconds connect{30};  // name, connection, proxy and TLS together
  std::chrono::seconds greeting{60};
  std::chrono::seconds command{120};  // until the answer to a command begins, and between two reads of it
  std::chrono::seconds answer{600};   // of waiting for one whole answer, and a second more for each kMinByteRate octets
  std::chrono::seconds total{3600};   // one whole session
  bool operator==(const Timeouts&) const = default;
};

// Octets a second; who sends less has us wait on purpose (Postfix min_data_rate).
inline constexpr std::uint64_t kMinByteRate = 500;

struct Proxy {
  enum class Kind { kSocks5, kHttp };  // RFC 1928; CONNECT of RFC 9110 §9.3.6
  Kind kind = Kind::kSocks5;
  std::string host;
  std::uint16_t port = 0;
  std::string user;                        // empty: no sign-in
  std::function<mail::Secret()> password;  // asked at each connection; may throw Failure(kConfiguration)
  std::string password_origin;             // says where it comes from; stands for it in a comparison
  bool operator==(const Proxy& other) const {
    return kind == other.kind && host == other.host && port == other.port && user == other.user &&
           password_origin == other.password_origin;
  }
};

// One of: a host with its port (by a proxy, if one is set), a Unix socket, a tunnel.
struct Endpoint {
  std::string host;  // with a socket or a tunnel only what TLS verifies
  std::uint16_t port = 0;
  std::string unix_socket;
  // A program and its arguments, whose standard input and output are the connection. No shell. In an argument %h is the
  // host, %p the port, %% a percent sign.
  std::vector<std::string> tunnel;
  std::optional<Proxy> proxy;
  std::string source_address;  // of our side; "": the system's choice
  TlsMode tls = TlsMode::kImplicit;
  TlsSettings tls_settings;
  Timeouts timeouts;
  bool operator==(const Endpoint&) const = default;

  // Nobody but this machine and the tunnel's program sees what is sent: a password may pass without TLS.
  [[nodiscard]] bool is_private_line() const noexcept { return !unix_socket.empty() || !tunnel.empty(); }
  // For people: "imap.example.org:993", "/run/imap", "tunnel ssh".
  [[nodiscard]] std::string place() const;
};

}  // namespace mailstead::net
