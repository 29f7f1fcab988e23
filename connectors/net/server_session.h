// What a protocol server is, apart from sockets, threads and clocks: bytes in, bytes out, and what it waits for.
//
// The driver (connectors/net/listener.h) feeds input, sends output and parks the connection; the session never blocks
// on its peer. A command with a long answer (FETCH of a mailbox) produces it in slices: it returns kMore when the
// output holds more than kOutputHighWater and goes on when the driver calls again with the output drained,
// so that a slow reader costs neither a thread nor memory.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/net/tls.h"
#include "mail/clock.h"
#include "mail/limits.h"

namespace mailstead::net {

inline constexpr std::size_t kOutputHighWater = 64 * 1024;

// What came from the peer and was not used yet.
class InputBuffer {
 public:
  [[nodiscard]] std::string_view bytes() const noexcept { return std::string_view(bytes_).substr(begin_); }
  void consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == bytes_.size()) clear();
  }
  void append(std::string_view more) {
    if (begin_ > 0) bytes_.erase(0, begin_), begin_ = 0;
    bytes_.append(more);
  }
  // Frees the memory, too: an idle session holds no buffer.
  void clear() noexcept { std::string().swap(bytes_), begin_ = 0; }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
};

enum class SessionStep {
  kNeedsInput,  // nothing more to do with what is there
  kMore,        // drain the output, then call again
  kStartTls,    // drain the output, throw away all input (RFC 3207 §4.2, NO STARTTLS), then hand-shake
  kCompress,    // drain the output, then compress both ways (RFC 4978); input that is there is compressed already
  kPause,       // drain the output, then nothing, not even input, for pause()
  kClose,       // drain the output, then close
};

struct PeerFacts {
  std::string address;  // without port
  bool loopback = false;
  bool tls = false;
};

// One thread at a time. An exception out of it ends the connection.
class ServerSession {
 public:
  virtual ~ServerSession() = default;
  // The first call has no input: the greeting. Also called after a wake (see ServerSessionFactory) without new input.
  // Consumes what it can of `input` and appends to `output`.
  [[nodiscard]] virtual SessionStep advance(InputBuffer& input, std::string& output) = 0;
  virtual void tls_started(const TlsFacts& facts) = 0;
  // The peer said nothing for idle_limit(): append a farewell, if the protocol has one; the connection then closes.
  virtual void timed_out(std::string& output) = 0;
  [[nodiscard]] virtual std::chrono::seconds idle_limit() const = 0;
  // How long from now on, after kPause. A wake may come before.
  [[nodiscard]] virtual std::chrono::milliseconds pause() const { return {}; }
  // One line for the log at the end; no secrets.
  [[nodiscard]] virtual std::string summary() const { return {}; }
};

// Makes a session for an accepted connection. `wake` may be called from any thread, at any time while the session lives
// and after it: it makes the driver call advance() soon (new mail for a client in IDLE).
using ServerSessionFactory =
    std::function<std::unique_ptr<ServerSession>(const PeerFacts& peer, std::function<void()> wake)>;

}  // namespace mailstead::net
