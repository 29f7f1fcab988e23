// The body of a multi-line reply from a server whose lines end in a bare LF throughout (its status line did): lines
// begin after LF, the end is LF "." LF. What such a server means by LF is a line end, so the message gets CRLF.
//
// Incremental and without memory, as dot_decoder.h; for servers that keep RFC 1939 §3 that one is right.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace mailstead::pop3 {

class LfDotDecoder {
 public:
  // As DotDecoder::feed().
  template <typename Visit>
  std::size_t feed(std::string_view input, Visit&& visit);
  [[nodiscard]] bool done() const noexcept { return state_ == State::kDone; }

 private:
  enum class State { kLineStart, kText, kCr, kDot, kDotCr, kDone };
  State state_ = State::kLineStart;
};

template <typename Visit>
std::size_t LfDotDecoder::feed(std::string_view input, Visit&& visit) {
  std::size_t at = 0;
  while (at < input.size() && state_ != State::kDone) {
    const char octet = input[at];
    switch (state_) {
      case State::kLineStart:
        if (octet == '.') ++at;
        state_ = octet == '.' ? State::kDot : State::kText;
        break;
      case State::kDot:
      case State::kDotCr:
        if (octet == '\n') {
          state_ = State::kDone, ++at;
        } else if (octet == '\r' && state_ == State::kDot) {
          state_ = State::kDotCr, ++at;
        } else {
          if (state_ == State::kDotCr) visit(std::string_view("\r"));
          state_ = State::kText;
        }
        break;
      case State::kCr:
        if (octet == '\n') {
          visit(std::string_view("\r\n"));
          state_ = State::kLineStart, ++at;
        } else {
          visit(std::string_view("\r"));
          state_ = State::kText;
        }
        break;
      case State::kText: {
        std::size_t end = input.find_first_of("\r\n", at);
        if (end == std::string_view::npos) end = input.size();
        if (end > at) visit(input.substr(at, end - at));
        at = end;
        if (at == input.size()) break;
        if (input[at] == '\r') {
          state_ = State::kCr;
        } else {
          visit(std::string_view("\r\n"));
          state_ = State::kLineStart;
        }
        ++at;
        break;
      }
      case State::kDone: break;
    }
  }
  return at;
}

}  // namespace mailstead::pop3
