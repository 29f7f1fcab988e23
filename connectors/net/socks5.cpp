#include <netinet/in.h>

#include <array>
#include <cstring>

#include "connectors/net/proxy.h"
#include "connectors/net/resolve.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr char kVersion = 5;
constexpr unsigned char kNoSignIn = 0, kPassword = 2, kNoneFits = 0xff;
constexpr std::size_t kMaxField = 255;  // one octet says its length

class Socks5 {
 public:
  Socks5(SocketStream& stream, const Deadline& deadline) : stream_(stream), deadline_(deadline) {}

  void sign_in(const Proxy& proxy) {
    const bool has_user = !proxy.user.empty();
    stream_.write_all(has_user ? std::string{kVersion, 2, kNoSignIn, kPassword} : std::string{kVersion, 1, kNoSignIn},
                      deadline_);
    const std::string answer = read(2);
    if (answer[0] != kVersion) no_proxy();
    const auto method = static_cast<unsigned char>(answer[1]);
    if (method == kNoSignIn) return;
    if (method == kNoneFits || !has_user)
      refuse(has_user ? "the proxy takes no sign-in by user and password"
                      : "the proxy wants \"user\" and \"password\"");
    if (method != kPassword) no_proxy();
    send_password(proxy);
  }

  void connect(const std::string& host, std::uint16_t port) {
    std::string request{kVersion, 1, 0};
    request += address_of(host);
    request += static_cast<char>(port >> 8U);
    request += static_cast<char>(port & 0xffU);
    stream_.write_all(request, deadline_);
    const std::string head = read(4);
    if (head[0] != kVersion) no_proxy();
    if (head[1] != 0) cannot(static_cast<unsigned char>(head[1]), host, port);
    skip_address(head[3]);
  }

 private:
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t got = 0; got < size;) {
      const std::size_t more = stream_.read_some(std::span(bytes).subspan(got), deadline_);
      if (more == 0) throw_with(FailureKind::kTemporary, "the proxy closed the connection");
      got += more;
    }
    return bytes;
  }

  void send_password(const Proxy& proxy) {
    const mail::Secret password = proxy.password ? proxy.password() : mail::Secret();
    if (proxy.user.size() > kMaxField || password.reveal().size() > kMaxField || password.empty())
      refuse("SOCKS5 takes a user and a password of 1 to 255 octets");
    std::string bytes{1};
    bytes += static_cast<char>(proxy.user.size());
    bytes += proxy.user;
    bytes += static_cast<char>(password.reveal().size());
    bytes += password.reveal();
    const mail::Secret wiped(std::move(bytes));
    stream_.write_all(wiped.reveal(), deadline_);
    if (read(2)[1] != 0) refuse("the proxy refuses the user and password");
  }

  std::string address_of(const std::string& host) {
    if (const auto address = numeric_address(host, 0)) {
      if (address->storage.ss_family == AF_INET) {
        const auto& four = reinterpret_cast<const sockaddr_in&>(address->storage).sin_addr;
        return std::string(1, 1) + std::string(reinterpret_cast<const char*>(&four), sizeof(four));
      }
      const auto& six = reinterpret_cast<const sockaddr_in6&>(address->storage).sin6_addr;
      return std::string(1, 4) + std::string(reinterpret_cast<const char*>(&six), sizeof(six));
    }
    if (host.size() > kMaxField) refuse("SOCKS5 takes a host name of at most 255 octets");
    return std::string{3, static_cast<char>(host.size())} + host;
  }

  void skip_address(char type) {
    std::size_t size = 0;
    switch (type) {
      case 1: size = 4; break;
      case 3: size = static_cast<unsigned char>(read(1)[0]); break;
      case 4: size = 16; break;
      default: no_proxy();
    }
    (void)read(size + 2);
  }

  // RFC 1928 §6.
  [[noreturn]] void cannot(unsigned char code, const std::string& host, std::uint16_t port) {
    constexpr std::array<const char*, 9> kWords{"",
                                                "it failed",
                                                "its rules do not allow it",
                                                "network unreachable",
                                                "host unreachable",
                                                "connection refused",
                                                "the time to live ran out",
                                                "it knows no CONNECT",
                                                "it does not take this kind of address"};
    const std::string why = code < kWords.size() ? kWords[code] : "code " + std::to_string(code);
    throw_with(FailureKind::kTemporary,
               "the proxy cannot connect to " + host + ":" + std::to_string(port) + ": " + why);
  }

  [[noreturn]] void refuse(const std::string& why) {
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount, stream_.peer() + ": " + why);
  }
  [[noreturn]] void no_proxy() { throw_with(FailureKind::kProtocol, "it does not answer as a SOCKS5 proxy does"); }
  [[noreturn]] void throw_with(FailureKind kind, const std::string& why) {
    throw Failure(kind, FailureScope::kSession, stream_.peer() + ": " + why);
  }

  SocketStream& stream_;
  const Deadline& deadline_;
};

}  // namespace

void ask_socks5(SocketStream& stream, const Proxy& proxy, const std::string& host, std::uint16_t port,
                const Deadline& deadline) {
  Socks5 socks(stream, deadline);
  socks.sign_in(proxy);
  socks.connect(host, port);
}

}  // namespace mailstead::net
