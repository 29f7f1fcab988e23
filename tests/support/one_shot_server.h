// A server that treats its one connection as a test says, octet by octet, on a thread of its own: for proxies and other
// peers whose dialogue has no lines. Loopback only.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

#include "connectors/descriptor.h"

namespace mailstead::testing {

// The server's end of the connection. Reads and writes give up after ten seconds.
class RawPeer {
 public:
  explicit RawPeer(int descriptor) : descriptor_(descriptor) {
    const timeval patience{10, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  // Exactly so many octets; fewer when the peer ends.
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const auto more = ::recv(descriptor_, bytes.data() + got, size - got, 0);
      if (more <= 0) break;
      got += static_cast<std::size_t>(more);
    }
    bytes.resize(got);
    return bytes;
  }
  std::string read_through(const std::string& end) {
    std::string bytes;
    while (!bytes.ends_with(end)) {
      const std::string more = read(1);
      if (more.empty()) break;
      bytes += more;
    }
    return bytes;
  }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Until the client has closed.
  void wait_for_end() {
    while (!read(4096).empty()) continue;
  }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

class OneShotServer {
 public:
  explicit OneShotServer(std::function<void(RawPeer&)> serve, int family = AF_INET) {
    listening_ = connectors::Descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    socklen_t size = sizeof(sockaddr_in);
    if (family == AF_INET) {
      auto& four = reinterpret_cast<sockaddr_in&>(address);
      four.sin_family = AF_INET;
      four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
      auto& six = reinterpret_cast<sockaddr_in6&>(address);
      six.sin6_family = AF_INET6;
      six.sin6_addr = in6addr_loopback;
      size = sizeof(sockaddr_in6);
    }
    if (::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listening_.get(), 1) != 0 ||
        ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no loopback port");
    port_ = ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);  // at the same place in both families
    thread_ = std::jthread([this, serve = std::move(serve)] { run(serve); });
  }
  ~OneShotServer() {
    done_ = true;
    ::shutdown(listening_.get(), SHUT_RDWR);
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  void join() { thread_.join(); }

 private:
  void run(const std::function<void(RawPeer&)>& serve) {
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    const connectors::Descriptor accepted(
        ::accept4(listening_.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC));
    if (!accepted || done_) return;
    RawPeer peer(accepted.get());
    serve(peer);
  }

  connectors::Descriptor listening_;
  std::uint16_t port_ = 0;
  std::atomic<bool> done_ = false;
  std::jthread thread_;
};

}  // namespace mailstead::testing
