// The server of IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) over the mailboxes of a storage::Store, as a
// net::ServerSession: bytes in, bytes out. Its extensions stand in docs/SPECIFICATIONS.md.
//
// What a client may cost is bounded: command lines and literals (mail/limits.h), messages given to APPEND are streamed
// to the content store, long answers come in slices (net::SessionStep::kMore).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "connectors/net/server_session.h"
#include "connectors/sasl/doorkeeper.h"
#include "connectors/sasl/server.h"
#include "mail/clock.h"
#include "mail/limits.h"
#include "storage/store.h"

namespace mailstead::imap {

// What a user may keep in all mailboxes together; nullopt: no limit.
struct Quota {
  std::optional<mail::ByteCount> octets{};
  std::optional<std::uint64_t> messages{};
};

// The references must outlive every session made with them.
struct ServerContext {
  storage::Store& store;
  sasl::KeyLookup keys;
  const mail::Clock& clock;
  std::string host_name = "localhost";  // said in the greeting
  std::string version;                  // said in answer to ID; "" says none
  // STARTTLS is offered on connections that are not encrypted yet.
  bool starttls_available = false;
  // The largest message that APPEND takes.
  mail::ByteCount max_append = mail::ByteCount{100} * 1024 * 1024;
  // From the greeting to the sign-in, however busy the peer is in between.
  std::chrono::seconds login_limit{180};
  // Silence of a signed-in client (RFC 3501 §5.4: not below 30 minutes), IDLE included.
  std::chrono::seconds idle_limit{1800};
  sasl::Doorkeeper door = {};
  // Thread-safe. Empty: nobody has one. Mail that the agent brings is kept all the same.
  std::function<Quota(const std::string& user)> quota = {};
};

// The factory is thread-safe. A password travels in the clear only under TLS or from loopback.
[[nodiscard]] net::ServerSessionFactory make_session_factory(ServerContext context);

}  // namespace mailstead::imap
