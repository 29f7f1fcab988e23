// One POP3 connection as its client sees it: commands out, replies in, every wait bounded.
//
// It knows the framing of replies (single line, lines, message body) and nothing of what they mean. Internal to the
// client. Throws as net::Stream does, kProtocol/kSession for what is no POP3, kLimit/kSession above a limit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/net/buffered_reader.h"
#include "connectors/net/dial.h"
#include "connectors/net/stream.h"
#include "connectors/pop3/client/final_dot.h"
#include "connectors/pop3/codec/dot_decoder.h"
#include "connectors/pop3/codec/lf_dot_decoder.h"
#include "connectors/pop3/codec/reply.h"
#include "mail/limits.h"

namespace mailstead::pop3 {

class Connection {
 public:
  // `total` ends the session whatever happens; `timeouts.command` bounds each single wait inside it.
  Connection(std::unique_ptr<net::Stream> stream, const net::Endpoint& endpoint, net::Deadline total);

  // One or several whole commands, each with its CRLF: one write.
  void send(std::string_view commands);
  // A command that leaves with the next send(), in front of it, and whose answer nobody needs to see.
  void queue(std::string_view command);
  // The next reply; its views live until the next call. `wait` replaces timeouts.command.
  [[nodiscard]] Reply read_reply() { return read_reply(endpoint_.timeouts.command); }
  [[nodiscard]] Reply read_reply(std::chrono::seconds wait);
  [[nodiscard]] Reply exchange(const std::string& command);  // without CRLF: send, read_reply

  // The lines of a multi-line reply up to ".", unstuffed. A line above `limit` octets is handed over cut to its first
  // octets with `cut` set; nothing of it is kept. Above `max_lines`: kLimit.
  using VisitLine = std::function<void(std::string_view line, bool cut)>;
  void read_lines(std::size_t limit, std::size_t max_lines, const VisitLine& visit);

  // The message of a RETR reply, octet for octet; `announced` by LIST (final_dot.h). False as soon as more than `limit`
  // octets came: the rest was not read, the connection is of no more use.
  // QUIRK: servers whose lines end in a bare LF: told by the status line, the message then gets CRLF
  template <typename Visit>
  [[nodiscard]] bool read_body(mail::ByteCount limit, std::optional<mail::ByteCount> announced, Visit&& visit);

  // Commands sent whose answers were not yet read to their end.
  [[nodiscard]] std::size_t in_flight() const noexcept { return outstanding_ + (inside_answer_ ? 1 : 0); }

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
  // False: nothing came in that time.
  [[nodiscard]] bool fill_within(std::chrono::seconds wait);
  template <typename Decoder, typename Visit>
  [[nodiscard]] bool read_decoded(Decoder&& decoder, mail::ByteCount limit, FinalDot& end, Visit&& visit);
  // What comes behind the octets that look like the end of a message: the next answer, or nothing.
  [[nodiscard]] bool no_more_of_message();

  const net::Endpoint endpoint_;
  const net::Deadline total_;
  std::unique_ptr<net::Stream> stream_;
  net::BufferedReader reader_;
  std::string scratch_;
  std::string queued_;
  std::size_t unread_ = 0;       // answers to queued commands
  std::size_t outstanding_ = 0;  // commands without a status line
  bool inside_answer_ = false;   // a multi-line answer is being read
  bool bare_line_feed_ = false;  // so the last line ended
  // The slow loris check: octets and time waited for them since the last look.
  mail::ByteCount octets_at_look_ = 0;
  std::chrono::steady_clock::duration waited_{0};
};

template <typename Decoder, typename Visit>
bool Connection::read_decoded(Decoder&& decoder, mail::ByteCount limit, FinalDot& end, Visit&& visit) {
  auto checked = [&](std::string_view piece) {
    if (end.size() <= limit) visit(piece);
  };
  inside_answer_ = true;
  while (!decoder.done()) {
    if (reader_.buffered().empty()) fill(endpoint_.timeouts.command);
    std::string_view bytes = reader_.buffered();
    std::size_t used =
        decoder.feed(bytes.substr(0, end.room()), [&](std::string_view piece) { end.pass(piece, checked); });
    reader_.consume(used);
    if (end.size() > limit) return false;
    if (!end.reached() || decoder.done()) continue;
    if (end.stands() && no_more_of_message()) break;
    end.release(checked);
  }
  if (decoder.done()) end.release(checked);
  inside_answer_ = false;
  return true;
}

template <typename Visit>
bool Connection::read_body(mail::ByteCount limit, std::optional<mail::ByteCount> announced, Visit&& visit) {
  bool watched = announced && *announced < limit && !bare_line_feed_;
  FinalDot end(watched ? announced : std::nullopt);
  if (bare_line_feed_) return read_decoded(LfDotDecoder(), limit, end, visit);
  return read_decoded(DotDecoder(), limit, end, visit);
}

}  // namespace mailstead::pop3
