// A relay: the one host, named in the configuration, to which all mail of a destination is handed by SMTP (RFC 5321)
// with STARTTLS or implicit TLS (RFC 3207, 8314) and AUTH (RFC 4954).
//
// Routing by MX is not here: it will be another Destination over the same Session (smtp/session.h).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "connectors/destination.h"
#include "connectors/net/deadline.h"
#include "connectors/net/dial.h"
#include "connectors/sasl/client.h"

namespace mailstead::smtp {

// How long each answer may take (RFC 5321 §4.5.3.2; shorter ones make mail loop, since slow servers take it twice).
struct Timeouts {
  std::chrono::milliseconds greeting = std::chrono::seconds(300);
  std::chrono::milliseconds hello = std::chrono::seconds(300);
  std::chrono::milliseconds sign_in = std::chrono::seconds(300);  // STARTTLS, its handshake and AUTH, each
  std::chrono::milliseconds mail = std::chrono::seconds(300);
  std::chrono::milliseconds recipient = std::chrono::seconds(300);
  std::chrono::milliseconds data = std::chrono::seconds(120);
  std::chrono::milliseconds block = std::chrono::seconds(180);  // one write of the body
  std::chrono::milliseconds final_dot = std::chrono::seconds(600);
  std::chrono::milliseconds reset = std::chrono::seconds(20);
  std::chrono::milliseconds quit = std::chrono::seconds(2);
  bool operator==(const Timeouts&) const = default;
};

enum class Dialect { kSmtp, kLmtp };  // LMTP: RFC 2033, LHLO and an answer per recipient after the body

struct RelaySettings {
  net::Endpoint endpoint;         // its connect timeout is used; the others are `timeouts`
  sasl::Credentials credentials;  // user "": no sign-in
  std::string helo_name;          // our host name; "" or unfit for a domain: "[127.0.0.1]"
  Dialect dialect = Dialect::kSmtp;
  std::size_t messages_per_connection = 100;
  std::size_t recipients_per_message = 100;  // RFC 5321 §4.5.3.1.8; more go as further transactions
  Timeouts timeouts;
};

// How a session gets its stream: net::dial, or a scripted peer in tests.
using Dialer = std::function<std::unique_ptr<net::Stream>(const net::Endpoint&, const net::Deadline&)>;

[[nodiscard]] std::unique_ptr<delivery::Destination> make_relay(RelaySettings settings, Dialer dialer = net::dial);

}  // namespace mailstead::smtp
