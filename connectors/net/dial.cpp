#include "connectors/net/dial.h"

#include <sys/un.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "connectors/descriptor.h"
#include "connectors/net/connect_race.h"
#include "connectors/net/proxy.h"
#include "connectors/net/resolve.h"
#include "connectors/net/socket_stream.h"
#include "connectors/net/tunnel_stream.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {

using connectors::Descriptor;
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

std::string error_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

std::unique_ptr<SocketStream> dial_unix(const std::string& path, const Deadline& deadline) {
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

std::string host_and_port(const std::string& host, std::uint16_t port) {
  const bool six = host.find(':') != std::string::npos && !host.starts_with('[');
  return mail::printable(six ? "[" + host + "]" : host, 256) + ":" + std::to_string(port);
}

std::unique_ptr<SocketStream> connect_to(const std::string& who, const std::string& host, std::uint16_t port,
                                         const std::string& source_address, const Deadline& deadline) {
  const auto feed = start_lookup(host, port, deadline);
  return connect_first(who, *feed, source_address, deadline);
}

// The stream's peer begins with the proxy's kind, not with an address: a server behind a proxy is nobody's neighbour.
std::unique_ptr<SocketStream> connect_through(const Endpoint& endpoint, const Deadline& deadline) {
  const Proxy& proxy = *endpoint.proxy;
  const bool socks = proxy.kind == Proxy::Kind::kSocks5;
  const std::string name = (socks ? "SOCKS5 proxy " : "HTTP proxy ") + host_and_port(proxy.host, proxy.port);
  auto stream = connect_to(name, proxy.host, proxy.port, endpoint.source_address, deadline);
  stream->set_peer(name);
  (socks ? ask_socks5 : ask_http)(*stream, proxy, endpoint.host, endpoint.port, deadline);
  stream->set_peer(name + " to " + host_and_port(endpoint.host, endpoint.port));
  return stream;
}

std::unique_ptr<SocketStream> connect_by(const Endpoint& endpoint, const Deadline& deadline) {
  if (!endpoint.tunnel.empty()) return TunnelStream::start(endpoint);
  if (!endpoint.unix_socket.empty()) return dial_unix(endpoint.unix_socket, deadline);
  if (endpoint.proxy) return connect_through(endpoint, deadline);
  return connect_to(endpoint.place(), endpoint.host, endpoint.port, endpoint.source_address, deadline);
}

}  // namespace

std::string Endpoint::place() const {
  if (!tunnel.empty()) return "tunnel " + mail::printable(tunnel.front(), 256);
  if (!unix_socket.empty()) return mail::printable(unix_socket, 256);
  return host_and_port(host, port);
}

std::unique_ptr<Stream> dial(const Endpoint& endpoint, const Deadline& deadline) {
  const Deadline limit = deadline.capped(endpoint.timeouts.connect);
  auto stream = connect_by(endpoint, limit);
  stream->set_answer_limit(endpoint.timeouts.answer);
  if (endpoint.tls == TlsMode::kImplicit) stream->start_tls(endpoint.tls_settings, endpoint.host, limit);
  return stream;
}

std::unique_ptr<Stream> adopt_descriptor(int descriptor) {
  SocketAddress peer;
  peer.size = sizeof(peer.storage);
  const bool known = ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) == 0;
  if (known && peer.storage.ss_family != AF_UNIX) set_socket_options(descriptor);
  return std::make_unique<SocketStream>(descriptor, known ? host_port_text(peer) : "local");
}

}  // namespace mailstead::net
