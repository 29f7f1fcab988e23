#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "connectors/net/proxy.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/transfer_encoding.h"

namespace mailstead::net {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxWords = 200;  // of the proxy's reason in a message

[[noreturn]] void throw_with(FailureKind kind, const SocketStream& stream, const std::string& why) {
  throw Failure(kind, FailureScope::kSession, stream.peer() + ": " + why);
}

// The end of the header section within `bytes`, or npos. A lone LF ends a line, too.
std::size_t end_of_head(std::string_view bytes) {
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    std::string_view next = bytes.substr(at + 1);
    if (next.starts_with("\r\n")) return at + 3;
    if (next.starts_with("\n")) return at + 2;
  }
  return std::string_view::npos;
}

// Octets that have arrived, left where they are.
std::size_t peek(SocketStream& stream, std::span<char> into, const Deadline& deadline) {
  for (;;) {
    const auto got = ::recv(stream.descriptor(), into.data(), into.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) throw_with(FailureKind::kTemporary, stream, "the proxy closed the connection");
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      throw_with(FailureKind::kTemporary, stream, std::generic_category().message(errno));
    wait_ready(stream.descriptor(), POLLIN, deadline, stream.peer());
  }
}

// Status line and header section. Takes not an octet more: what follows is the server's.
std::string read_head(SocketStream& stream, const Deadline& deadline) {
  std::string head;
  std::array<char, 4096> chunk;
  for (;;) {
    check_deadline(deadline, stream.peer());
    const std::size_t seen = peek(stream, chunk, deadline);
    const std::size_t before = head.size();
    head.append(chunk.data(), seen);
    const std::size_t end = end_of_head(head);
    if (end != std::string::npos) head.resize(end);
    for (std::size_t left = head.size() - before; left > 0;)
      left -= stream.read_some(std::span(chunk).first(left), deadline);
    if (end != std::string::npos) return head;
    if (head.size() > kMaxProxyAnswer) throw_with(FailureKind::kProtocol, stream, "the proxy's answer does not end");
    const std::string_view line(head);
    if (!line.starts_with(std::string_view("HTTP/").substr(0, line.size())))
      throw_with(FailureKind::kProtocol, stream, "it does not answer as an HTTP proxy does");
  }
}

std::string authority(const std::string& host, std::uint16_t port) {
  const bool bare_six = host.find(':') != std::string::npos && !host.starts_with('[');
  return (bare_six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

mail::Secret request_for(const Proxy& proxy, const std::string& where) {
  std::string request = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
  if (!proxy.user.empty()) {
    const mail::Secret password = proxy.password ? proxy.password() : mail::Secret();
    const mail::Secret pair(proxy.user + ":" + std::string(password.reveal()));
    request += "Proxy-Authorization: Basic " + mail::encode_base64(pair.reveal()) + "\r\n";
  }
  return mail::Secret(request + "\r\n");
}

}  // namespace

void ask_http(SocketStream& stream, const Proxy& proxy, const std::string& host, std::uint16_t port,
              const Deadline& deadline) {
  const std::string where = authority(host, port);
  stream.write_all(request_for(proxy, where).reveal(), deadline);
  const std::string head = read_head(stream, deadline);
  // HTTP-version SP status-code SP [reason]
  const std::string status = head.substr(0, head.find_first_of("\r\n"));
  const bool http = status.starts_with("HTTP/1.") && status.size() >= 12 && status[8] == ' ' &&
                    mail::is_digit(status[9]) && mail::is_digit(status[10]) && mail::is_digit(status[11]);
  if (!http) throw_with(FailureKind::kProtocol, stream, "it does not answer as an HTTP proxy does");
  if (status[9] == '2') return;
  const std::string words = mail::printable(std::string_view(status).substr(9), kMaxWords);
  if (status.substr(9, 3) == "407")
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  stream.peer() + ": the proxy " +
                      (proxy.user.empty() ? "wants \"user\" and \"password\"" : "refuses the user and password") +
                      ": " + words);
  throw_with(FailureKind::kTemporary, stream, "the proxy cannot connect to " + where + ": " + words);
}

}  // namespace mailstead::net
