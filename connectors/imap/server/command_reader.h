// Cuts a client's bytes into commands (RFC 3501 §2.2.1): lines, joined over their literals. Incremental and bounded:
// a number in the input allocates nothing, and what happens to each literal is decided before it is read.
//
// The text of a command has no final line end; its literals stand in it as "{n}\r\n" and their octets, as Cursor reads
// them, except those that were streamed away: of these only "{n}\r\n" remains.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "connectors/net/server_session.h"
#include "mail/limits.h"

namespace mailstead::imap {

class CommandReader {
 public:
  enum class Event {
    kNeedsInput,
    kCommand,     // text() is a whole command; release() when done with it
    kLiteral,     // literal() was announced; one of the literal calls must follow
    kLine,        // the line asked for by expect_line() is in text()
    kTooLong,     // a line beyond its limit: the stream cannot be trusted any more
    kBadLiteral,  // a literal whose size is no number that fits 63 bits: likewise
  };
  struct Literal {
    mail::ByteCount size = 0;
    bool synchronizing = true;
    bool binary = false;  // "~{n}" (RFC 3516)
  };
  using Sink = std::function<void(std::string_view)>;

  explicit CommandReader(std::size_t line_limit) : line_limit_(line_limit) {}
  void set_line_limit(std::size_t limit) noexcept { line_limit_ = limit; }

  [[nodiscard]] Event next(net::InputBuffer& input);
  [[nodiscard]] std::string& text() noexcept { return text_; }
  [[nodiscard]] const Literal& literal() const noexcept { return literal_; }
  // Octets of literals that the text holds so far.
  [[nodiscard]] mail::ByteCount held() const noexcept { return held_; }

  void keep_literal();             // into text()
  void stream_literal(Sink sink);  // to `sink`, which may be empty: swallowed
  void abandon();                  // a synchronizing literal that was refused: the command ends here
  void expect_line(std::size_t limit);
  [[nodiscard]] bool expecting() const noexcept { return state_ == State::kLine; }
  // Takes expect_line() back: a command is next. Part of a line that is there already begins it.
  void expect_command() noexcept {
    if (state_ == State::kLine) state_ = State::kText;
  }
  // Wipes and frees the text, for it may hold a password and an idle session holds no buffer.
  void release();

 private:
  enum class State { kText, kDecision, kKeeping, kStreaming, kLine };
  [[nodiscard]] bool take_line(net::InputBuffer& input, std::size_t limit, Event& event);
  [[nodiscard]] Event end_of_line();
  void take_octets(net::InputBuffer& input);

  std::size_t line_limit_;
  std::size_t expected_limit_ = 0;
  State state_ = State::kText;
  std::string text_;
  std::size_t line_begin_ = 0;     // of the physical line in text_
  std::size_t line_octets_ = 0;    // of all lines of this command
  mail::ByteCount remaining_ = 0;  // of the literal in hand
  mail::ByteCount held_ = 0;
  Literal literal_;
  Sink sink_;
};

}  // namespace mailstead::imap
