// One POP3 connection as its client sees it: commands out, replies in, every wait bounded.
//
// It knows the framing of replies (single line, lines, message body) and nothing of what they mean. Internal to the
// client. Throws as net::Stream does, kProtocol/kSession for what is no POP3, kLimit/kSession above a limit.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/net/buffered_reader.h"
#include "connectors/net/dial.h"
#include "connectors/net/stream.h"
#include "connectors/pop3/codec/dot_decoder.h"
#include "connectors/pop3/codec/reply.h"
#include "mail/limits.h"

namespace mailstead::pop3 {

class Connection {
 public:
  // `total` ends the session whatever happens; `timeouts.command` bounds each single wait inside it.
  Connection(std::unique_ptr<net::Stream> stream, const net::Endpoint& endpoint, net::Deadline total);

  // One or several whole commands, each with its CRLF.
  void send(std::string_view commands);
  // The next reply; its views live until the next call. `wait` replaces timeouts.command.
  [[nodiscard]] Reply read_reply() { return read_reply(endpoint_.timeouts.command); }
  [[nodiscard]] Reply read_reply(std::chrono::seconds wait);
  [[nodiscard]] Reply exchange(const std::string& command);  // without CRLF: send, read_reply

  // The lines of a multi-line reply up to ".", unstuffed. A line above `limit` octets is handed over cut to its first
  // octets with `cut` set; nothing of it is kept. Above `max_lines`: kLimit.
  using VisitLine = std::function<void(std::string_view line, bool cut)>;
  void read_lines(std::size_t limit, std::size_t max_lines, const VisitLine& visit);

  // The message of a RETR reply, octet for octet. False as soon as more than `limit` octets came: the rest was not
  // read, the connection is of no more use.
  template <typename Visit>
  [[nodiscard]] bool read_body(mail::ByteCount limit, Visit&& visit);

  // Throws away nothing silently: anything behind the +OK to STLS is an attack (RFC 2595 §4, NO STARTTLS).
  void start_tls();
  [[nodiscard]] net::Stream& stream() noexcept { return *stream_; }
  // TLS, or a peer on this machine: passwords may travel.
  [[nodiscard]] bool is_private() const;
  [[nodiscard]] std::string name() const;  // for texts: host and port
  void close() noexcept { stream_->close(); }

  [[noreturn]] void violate(const std::string& what) const;

 private:
  struct Line {
    std::string_view text;
    bool cut = false;
  };
  // A line above `limit` comes cut: at once, with its rest unread, or after `discards` has read over it.
  [[nodiscard]] Line next_line(std::size_t limit, std::chrono::seconds wait, bool discards);
  [[nodiscard]] Line discard_line(std::chrono::seconds wait);
  void fill(std::chrono::seconds wait);

  const net::Endpoint endpoint_;
  const net::Deadline total_;
  std::unique_ptr<net::Stream> stream_;
  net::BufferedReader reader_;
  std::string scratch_;
  // The slow loris check: octets and time waited for them since the last look.
  mail::ByteCount octets_at_look_ = 0;
  std::chrono::steady_clock::duration waited_{0};
};

template <typename Visit>
bool Connection::read_body(mail::ByteCount limit, Visit&& visit) {
  DotDecoder decoder;
  mail::ByteCount size = 0;
  while (!decoder.done()) {
    if (reader_.buffered().empty()) fill(endpoint_.timeouts.command);
    std::size_t used = decoder.feed(reader_.buffered(), [&](std::string_view piece) {
      size += piece.size();
      if (size <= limit) visit(piece);
    });
    reader_.consume(used);
    if (size > limit) return false;
  }
  return true;
}

}  // namespace mailstead::pop3
