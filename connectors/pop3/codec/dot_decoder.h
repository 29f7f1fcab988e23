// The body of a multi-line reply as octets (RFC 1939 §3): dot-unstuffing and the end of it, incremental.
//
// For messages: every octet before the terminating CRLF "." CRLF is kept as it came, the final CRLF included; only the
// dots that stuffing added are dropped. A line begins after CRLF and nowhere else, so that a bare LF in a message can
// neither end the transfer early nor lose a dot. Keeps no bytes; looks for the rare dot behind a line end in blocks
// that the compiler turns into vector instructions, so that its speed is memory's and does not depend on the lines.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace mailstead::pop3 {

class DotDecoder {
 public:
  // Hands the octets of the body to visit(std::string_view) in as few pieces as possible (views into `input`, or
  // static ones) and returns how many of `input` belong to this reply: fewer than all only when done().
  template <typename Visit>
  std::size_t feed(std::string_view input, Visit&& visit);
  [[nodiscard]] bool done() const noexcept { return state_ == State::kDone; }

 private:
  enum class State {
    kLineStart,
    kText,   // inside a line, the last octet was no CR
    kCr,     // inside a line, the last octet was a CR
    kDot,    // a dot began the line and is withheld
    kDotCr,  // so are "." and CR
    kDone,
  };
  // The next line that begins with a dot, or the end of the input. Sets the state there.
  std::size_t skip_text(std::string_view input, std::size_t at) noexcept;

  State state_ = State::kLineStart;
};

template <typename Visit>
std::size_t DotDecoder::feed(std::string_view input, Visit&& visit) {
  std::size_t at = 0, kept_from = 0;
  auto hand_over = [&] {
    if (at > kept_from) visit(input.substr(kept_from, at - kept_from));
  };
  while (at < input.size() && state_ != State::kDone) {
    switch (state_) {
      case State::kLineStart:
        if (input[at] == '.') {
          hand_over();
          kept_from = ++at;
          state_ = State::kDot;
        } else {
          state_ = State::kText;
        }
        break;
      case State::kText: at = skip_text(input, at); break;
      case State::kCr:
        state_ = input[at] == '\n' ? State::kLineStart : State::kText;
        if (state_ == State::kLineStart) ++at;
        break;
      case State::kDot:
        state_ = State::kText;
        if (input[at] == '\r') {
          kept_from = ++at;
          state_ = State::kDotCr;
        }
        break;
      case State::kDotCr:
        if (input[at] == '\n') {
          kept_from = ++at;
          state_ = State::kDone;
        } else {
          visit(std::string_view("\r"));
          state_ = State::kText;
        }
        break;
      case State::kDone: break;
    }
  }
  hand_over();
  return at;
}

// The first `at` ≥ `from` with LF at `at` and a dot behind it; `input.size()` without one.
[[nodiscard]] inline std::size_t find_dot_line(std::string_view input, std::size_t from) noexcept {
  constexpr std::size_t kBlock = 64;
  const char* bytes = input.data();
  std::size_t at = from;
  for (; at + kBlock < input.size(); at += kBlock) {
    unsigned char found = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      found |= static_cast<unsigned char>(bytes[at + i] == '\n') & static_cast<unsigned char>(bytes[at + i + 1] == '.');
    }
    if (found != 0) break;
  }
  for (; at + 1 < input.size(); ++at) {
    if (bytes[at] == '\n' && bytes[at + 1] == '.') return at;
  }
  return input.size();
}

// The octet before `at` was no CR: of the line end that would need one the first octet is inside `input`.
inline std::size_t DotDecoder::skip_text(std::string_view input, std::size_t at) noexcept {
  for (std::size_t from = at;;) {
    std::size_t line_feed = find_dot_line(input, from);
    if (line_feed == input.size()) break;
    if (line_feed > at && input[line_feed - 1] == '\r') {
      state_ = State::kLineStart;
      return line_feed + 1;
    }
    from = line_feed + 1;
  }
  bool after_cr = input.size() - at >= 2 && input[input.size() - 2] == '\r';
  if (input.back() == '\r') {
    state_ = State::kCr;
  } else if (input.back() == '\n' && after_cr) {
    state_ = State::kLineStart;
  }
  return input.size();
}

}  // namespace mailstead::pop3
