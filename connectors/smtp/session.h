// A conversation that has been opened: connected, greeted, secured and signed in as the settings demand, ready for
// transactions. One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "connectors/net/deadline.h"
#include "connectors/smtp/chat.h"
#include "connectors/smtp/extensions.h"
#include "connectors/smtp/relay.h"

namespace mailstead::smtp {

struct Session {
  Session(std::unique_ptr<net::Stream> stream, net::Deadline deadline) : chat(std::move(stream), std::move(deadline)) {}

  Chat chat;
  Extensions extensions;     // of the last EHLO: what was said before TLS does not count
  std::string greeting;      // printable
  std::string mechanism;     // by which we signed in; "" when we did not
  std::size_t messages = 0;  // transactions begun
  bool needs_reset = false;  // a transaction was begun and not ended
};

// Throws Failure(…, kSession) when it cannot be opened, Failure(kAuthentication, kAccount) when the sign-in is refused,
// Failure(kConfiguration, kAccount) when no mechanism fits. Nothing secret and no mail goes out before TLS when the
// settings demand TLS.
[[nodiscard]] std::unique_ptr<Session> open_session(const RelaySettings& settings, const Dialer& dialer,
                                                    const net::Deadline& deadline);

// "smtp.example.net" or the path of the socket: how texts name the server.
[[nodiscard]] std::string server_name(const RelaySettings& settings);

}  // namespace mailstead::smtp
