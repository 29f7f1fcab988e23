// A listening port and the driver of its connections: accept, TLS, ServerSession, parking.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "connectors/net/parking_lot.h"
#include "connectors/net/server_session.h"
#include "connectors/net/tls.h"
#include "connectors/net/worker_pool.h"

namespace mailstead::net {

struct ListenerSettings {
  std::string name{};     // "imaps": for the log
  std::string address{};  // "127.0.0.1:1143", "[::1]:0", "0.0.0.0:993"; port 0 picks a free one
  TlsMode tls = TlsMode::kNone;
  std::shared_ptr<const ServerTls> server_tls{};  // for kImplicit and kStartTls
  std::size_t max_connections = 1000;
  std::size_t max_connections_per_address = 100;  // IPv6: per /64
  // What a peer beyond these is told before its connection is closed, where no TLS comes first; with CRLF.
  std::string refusal{};
};

// Uses the lot and the pool, which must outlive it. Thread-safe.
class Listener {
 public:
  // Binds and begins to accept. Throws Failure(kConfiguration, kProcess) naming the address when it cannot bind.
  // `log` gets one line per event worth it (may be empty).
  Listener(ListenerSettings settings, ServerSessionFactory factory, ParkingLot& lot, WorkerPool& pool,
           std::function<void(const std::string&)> log = {});
  // Stops accepting, closes its connections and returns when no thread is in one any more. Not from within a session.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // For handshakes from now on; open connections go on. The listener must have TLS already.
  void renew_tls(std::shared_ptr<const ServerTls> tls);
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] std::string address() const;  // with the real port
  [[nodiscard]] std::size_t connections() const;
  void stop() noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mailstead::net
