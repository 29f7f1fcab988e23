// A byte stream to a peer: TCP or Unix socket, with or without TLS. One thread at a time.
//
// Two ways to use it: the waiting calls (clients, on a worker, each with a deadline) and the try_ calls (server
// sessions, driven by readiness). Failures: kTemporary/kSession for a deadline, reset or refused connection,
// kProtocol/kSession for a peer that breaks TLS, kCancelled on a stop request.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "connectors/channel_binding.h"
#include "connectors/net/deadline.h"
#include "connectors/net/tls.h"

namespace mailstead::net {

struct TryResult {
  enum class State { kDone, kWantsRead, kWantsWrite, kEnd };
  State state = State::kDone;
  std::size_t count = 0;  // bytes moved when kDone
};

class Stream {
 public:
  virtual ~Stream() = default;

  // At least one byte, or 0 when the peer has ended the stream in order.
  [[nodiscard]] virtual std::size_t read_some(std::span<char> into, const Deadline& deadline) = 0;
  virtual void write_all(std::string_view bytes, const Deadline& deadline) = 0;

  [[nodiscard]] virtual TryResult try_read(std::span<char> into) = 0;
  [[nodiscard]] virtual TryResult try_write(std::string_view bytes) = 0;

  // Client handshake on a plain stream (STARTTLS, or at once). `host` is verified and sent as SNI.
  virtual void start_tls(const TlsSettings& settings, const std::string& host, const Deadline& deadline) = 0;
  // Server handshake, one step: kDone when finished. Call again when ready as it says.
  [[nodiscard]] virtual TryResult try_accept_tls(const ServerTls& tls) = 0;

  [[nodiscard]] virtual std::optional<TlsFacts> tls() const = 0;
  // What ties a sign-in to this connection; nothing without TLS, or where there is no safe one.
  [[nodiscard]] virtual std::optional<connectors::ChannelBinding> channel_binding() const { return std::nullopt; }
  // Bytes already decrypted that epoll will not announce: drain before parking.
  [[nodiscard]] virtual bool has_pending() const = 0;
  // It will be quiet for a while: gives back what memory can be had anew.
  virtual void rest() noexcept {}
  [[nodiscard]] virtual int descriptor() const = 0;
  // "192.0.2.1:993", "local" for a Unix socket.
  [[nodiscard]] virtual std::string peer() const = 0;
  virtual void close() noexcept = 0;
};

}  // namespace mailstead::net
