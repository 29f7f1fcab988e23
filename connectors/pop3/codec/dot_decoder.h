// The body of a multi-line reply as octets (RFC 1939 §3): dot-unstuffing and the end of it, incremental.
//
// For messages: every octet before the terminating CRLF "." CRLF is kept as it came, the final CRLF included; only the
// dots that stuffing added are dropped. A line begins after CRLF and nowhere else, so that a bare LF in a message can
// neither end the transfer early nor lose a dot. Keeps no bytes; one memchr per line.
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
  // The end of the line that contains `at`, or of the input. Sets the state there.
  std::size_t skip_line(std::string_view input, std::size_t at) noexcept;

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
      case State::kText: at = skip_line(input, at); break;
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

inline std::size_t DotDecoder::skip_line(std::string_view input, std::size_t at) noexcept {
  const void* found = std::memchr(input.data() + at, '\n', input.size() - at);
  if (found == nullptr) {
    state_ = input.back() == '\r' ? State::kCr : State::kText;
    return input.size();
  }
  auto line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  if (line_feed > 0 && input[line_feed - 1] == '\r') state_ = State::kLineStart;
  return line_feed + 1;
}

}  // namespace mailstead::pop3
