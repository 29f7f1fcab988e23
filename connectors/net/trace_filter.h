// The dialogue of a mail session as lines for people, without its secrets: what a user may send to somebody else.
//
// Hidden ("***"): what follows LOGIN, PASS, AUTH and AUTHENTICATE with their mechanism, APOP's digest, every line of a
// SASL exchange in both directions, and whatever follows "Bearer". Shown by its size only: IMAP literals in both
// directions, POP3 messages, the data of an SMTP message. It works on whole lines, however the octets were cut. What
// protocol it is, the server's first line says. No I/O; memory is bounded by kMaxTraceLine a direction.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace mailstead::net {

inline constexpr std::size_t kMaxTraceLine = 1000;  // of a line's octets; what is behind is counted

class TraceFilter {
 public:
  // Gets each line, printable, beginning with "C: ", "S: " or "*: " for what happened.
  using Sink = std::function<void(const std::string& line)>;
  explicit TraceFilter(Sink sink) : sink_(std::move(sink)) {}

  void sent(std::string_view octets) { feed(ours_, octets); }
  void received(std::string_view octets) { feed(theirs_, octets); }
  // "TLS began", "closed": what was begun on a line before is shown first.
  void note(const std::string& what);
  // Octets that were received and belong to a layer below now (compression): a line begun is dropped.
  void drop_received() { theirs_.line.clear(), theirs_.tail.clear(), theirs_.beyond = 0; }

 private:
  enum class Protocol { kUnknown, kImap, kPop3, kSmtp };
  enum class Reply { kLine, kLines, kMessage };  // POP3: what comes behind +OK

  struct Direction {
    char letter;
    std::string line;           // begun, without its end
    std::uint64_t beyond = 0;   // octets of it that were not kept,
    std::string tail;           // but for the last of them
    std::uint64_t literal = 0;  // octets of a literal still to come
    bool in_message = false;    // up to a line of "."
    std::uint64_t message = 0;  // octets of it so far
    bool in_lines = false;      // POP3: a list up to a line of "."
  };

  void feed(Direction& direction, std::string_view octets);
  void end_line(Direction& direction);
  void show(const Direction& direction, const std::string& text);
  [[nodiscard]] std::string of_client(const std::string& line);
  [[nodiscard]] std::string of_server(const std::string& line);
  [[nodiscard]] std::string command(const std::string& line);
  [[nodiscard]] bool is_bare_pop3_command(std::string_view line) const;
  void expect(std::string_view verb, bool has_argument);
  void judge_server(const std::string& line);
  void begin_literal(Direction& direction, std::string_view line);

  Sink sink_;
  Direction ours_{'C', {}, 0, {}, 0, false, 0, false}, theirs_{'S', {}, 0, {}, 0, false, 0, false};
  Protocol protocol_ = Protocol::kUnknown;
  bool signing_in_ = false;    // SASL lines pass
  std::string sign_in_tag_;    // IMAP: whose end ends it
  bool hide_next_ = false;     // IMAP: the line behind a literal of LOGIN
  bool data_asked_ = false;    // SMTP: DATA was sent, 354 is awaited
  std::deque<Reply> replies_;  // POP3: to the commands sent
};

}  // namespace mailstead::net
