// The Stream over a socket. Internal to connectors/net; others make one by dial() or adopt_descriptor().
#pragma once

#include <memory>
#include <string>

#include "connectors/net/stream.h"

namespace mailstead::net {

class TlsSession;

// Waits until the descriptor is ready for `events` (poll(2)), observing the stop token in slices. Throws kTemporary at
// the deadline, kCancelled on a stop request; both texts begin with `who`.
void wait_ready(int descriptor, short events, const Deadline& deadline, const std::string& who);
// Throws as wait_ready() when the deadline has passed or a stop was requested.
void check_deadline(const Deadline& deadline, const std::string& who);

class SocketStream : public Stream {
 public:
  // Takes the descriptor over and makes it non-blocking and close-on-exec.
  SocketStream(int descriptor, std::string peer);
  ~SocketStream() override;
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  [[nodiscard]] std::size_t read_some(std::span<char> into, const Deadline& deadline) override;
  void write_all(std::string_view bytes, const Deadline& deadline) override;
  [[nodiscard]] TryResult try_read(std::span<char> into) override;
  [[nodiscard]] TryResult try_write(std::string_view bytes) override;
  void start_tls(const TlsSettings& settings, const std::string& host, const Deadline& deadline) override;
  [[nodiscard]] TryResult try_accept_tls(const ServerTls& tls) override;
  [[nodiscard]] std::optional<TlsFacts> tls() const override;
  [[nodiscard]] std::optional<connectors::ChannelBinding> channel_binding() const override;
  [[nodiscard]] bool has_pending() const override;
  [[nodiscard]] int descriptor() const override { return descriptor_; }
  [[nodiscard]] std::string peer() const override { return peer_; }
  void close() noexcept override;

  // Who is at the other end when it is not whom the socket is connected to (behind a proxy).
  void set_peer(std::string peer) { peer_ = std::move(peer); }
  // Between two writes read_some() waits so long in all, and a second more for each kMinByteRate octets that came: a
  // peer that trickles is dropped (kTemporary).
  void set_answer_limit(std::chrono::milliseconds limit) noexcept { answer_limit_ = limit; }

 protected:
  virtual void wait_for(const TryResult& result, const Deadline& deadline);
  [[noreturn]] virtual void fail(int error);

 private:
  void wait_for_answer(const TryResult& result, const Deadline& deadline);

  int descriptor_;
  std::string peer_;
  std::unique_ptr<TlsSession> tls_;
  std::chrono::milliseconds answer_limit_ = std::chrono::hours(24);
  std::chrono::nanoseconds waited_{0};  // for the answer under way
  std::uint64_t answered_ = 0;          // octets of it
};

}  // namespace mailstead::net
