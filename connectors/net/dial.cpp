#include "connectors/net/dial.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "connectors/descriptor.h"
#include "connectors/net/resolve.h"
#include "connectors/net/socket_stream.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {

using connectors::Descriptor;
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::chrono::milliseconds kWaitSlice{250};
// RFC 8305 §5, "Connection Attempt Delay": a dead address holds the next one up this long, not until it times out.
constexpr std::chrono::milliseconds kAttemptDelay{250};

std::string error_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

void set_options(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

// Several attempts under way, the first that succeeds wins.
class Attempts {
 public:
  Attempts(std::string who, std::vector<SocketAddress> addresses)
      : who_(std::move(who)), addresses_(std::move(addresses)) {}

  std::unique_ptr<Stream> run(const Deadline& deadline) {
    for (;;) {
      check_deadline(deadline, who_);
      const auto now = std::chrono::steady_clock::now();
      if (next_ < addresses_.size() && (attempts_.empty() || now >= next_at_)) {
        if (auto stream = start(addresses_[next_++])) return stream;
        next_at_ = now + kAttemptDelay;
        continue;
      }
      if (attempts_.empty())
        throw Failure(FailureKind::kTemporary, FailureScope::kSession, who_ + ": " + error_text(last_error_));
      if (auto stream = wait(deadline)) return stream;
    }
  }

 private:
  struct Attempt {
    Descriptor descriptor;
    SocketAddress address;
  };

  std::unique_ptr<Stream> start(const SocketAddress& address) {
    Descriptor descriptor(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (!descriptor) return last_error_ = errno, nullptr;
    set_options(descriptor.get());
    if (::connect(descriptor.get(), address.get(), address.size) == 0)
      return std::make_unique<SocketStream>(descriptor.release(), host_port_text(address));
    if (errno != EINPROGRESS && errno != EINTR) return last_error_ = errno, nullptr;
    attempts_.push_back({std::move(descriptor), address});
    return nullptr;
  }

  std::unique_ptr<Stream> wait(const Deadline& deadline) {
    std::vector<pollfd> waited;
    for (const Attempt& attempt : attempts_) waited.push_back({attempt.descriptor.get(), POLLOUT, 0});
    auto until = deadline.at;
    if (next_ < addresses_.size()) until = std::min(until, next_at_);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const auto wait = std::clamp(left, std::chrono::milliseconds(0), kWaitSlice);
    if (::poll(waited.data(), waited.size(), static_cast<int>(wait.count())) <= 0) return nullptr;
    for (std::size_t i = waited.size(); i-- > 0;) {
      if (waited[i].revents == 0) continue;
      int error = 0;
      socklen_t size = sizeof(error);
      if (::getsockopt(waited[i].fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
      if (error == 0)
        return std::make_unique<SocketStream>(attempts_[i].descriptor.release(), host_port_text(attempts_[i].address));
      last_error_ = error;
      next_at_ = {};  // this one is decided: no reason to hold the next one up
      attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return nullptr;
  }

  std::string who_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  mail::SteadyTime next_at_{};
  std::vector<Attempt> attempts_;
  int last_error_ = 0;
};

std::unique_ptr<Stream> dial_unix(const std::string& path, const Deadline& deadline) {
  const std::string who = mail::printable(path, 256);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount, who + ": path too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!descriptor) throw Failure(FailureKind::kTemporary, FailureScope::kSession, who + ": " + error_text(errno));
  while (::connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EINTR) continue;
    // A full backlog of a Unix socket cannot be polled for.
    if (errno != EAGAIN) throw Failure(FailureKind::kTemporary, FailureScope::kSession, who + ": " + error_text(errno));
    check_deadline(deadline, who);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return std::make_unique<SocketStream>(descriptor.release(), "local");
}

std::unique_ptr<Stream> connect_to(const Endpoint& endpoint, const Deadline& deadline) {
  if (!endpoint.unix_socket.empty()) return dial_unix(endpoint.unix_socket, deadline);
  const std::string who = mail::printable(endpoint.host, 256) + ":" + std::to_string(endpoint.port);
  return Attempts(who, resolve(endpoint.host, endpoint.port, deadline)).run(deadline);
}

}  // namespace

std::unique_ptr<Stream> dial(const Endpoint& endpoint, const Deadline& deadline) {
  const Deadline limit = deadline.capped(endpoint.timeouts.connect);
  auto stream = connect_to(endpoint, limit);
  if (endpoint.tls == TlsMode::kImplicit) stream->start_tls(endpoint.tls_settings, endpoint.host, limit);
  return stream;
}

std::unique_ptr<Stream> adopt_descriptor(int descriptor) {
  SocketAddress peer;
  peer.size = sizeof(peer.storage);
  const bool known = ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) == 0;
  if (known && peer.storage.ss_family != AF_UNIX) set_options(descriptor);
  return std::make_unique<SocketStream>(descriptor, known ? host_port_text(peer) : "local");
}

}  // namespace mailstead::net
