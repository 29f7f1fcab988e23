#include "connectors/net/dial.h"

#include <sys/un.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "connectors/descriptor.h"
#include "connectors/net/connect_race.h"
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

// Of waiting for one whole answer, and a second more for each kMinByteRate octets of it.
constexpr std::chrono::minutes kAnswerLimit{10};

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

std::unique_ptr<SocketStream> connect_to(const Endpoint& endpoint, const Deadline& deadline) {
  if (!endpoint.unix_socket.empty()) return dial_unix(endpoint.unix_socket, deadline);
  const std::string who = mail::printable(endpoint.host, 256) + ":" + std::to_string(endpoint.port);
  const auto feed = start_lookup(endpoint.host, endpoint.port, deadline);
  return connect_first(who, *feed, "", deadline);
}

}  // namespace

std::unique_ptr<Stream> dial(const Endpoint& endpoint, const Deadline& deadline) {
  const Deadline limit = deadline.capped(endpoint.timeouts.connect);
  auto stream = connect_to(endpoint, limit);
  stream->set_answer_limit(kAnswerLimit);
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
