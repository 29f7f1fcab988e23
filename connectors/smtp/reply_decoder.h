// Replies of an SMTP or LMTP server (RFC 5321 §4.2), decoded as the bytes come. Pure: no socket, no meaning.
//
// Bounded: a line of more than mail::kMaxReplyLine octets or a reply of more than kMaxReplyLines lines is refused; of
// each line kMaxKeptLine octets are kept, the rest is skipped. Foreign bytes (NUL, bare CR, controls) are kept as they
// came: who shows them escapes them (mail/escape.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::smtp {

inline constexpr std::size_t kMaxReplyLines = 100;
inline constexpr std::size_t kMaxKeptLine = 1024;

struct WireReply {
  int code = 0;                    // 200 … 599
  std::vector<std::string> lines;  // the text after the code, one per line, at least one, perhaps ""

  [[nodiscard]] int category() const noexcept { return code / 100; }
  bool operator==(const WireReply&) const = default;
};

class ReplyDecoder {
 public:
  // Takes bytes up to the end of the reply and returns how many; the rest belongs to the next one. Throws
  // Failure(kProtocol, kSession) for what is no reply (no three digits, a first digit other than 2 to 5, a code that
  // changes between the lines) and Failure(kLimit, kSession); the decoder is of no use then.
  [[nodiscard]] std::size_t feed(std::string_view bytes);
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  // The reply, once complete; the decoder begins anew.
  [[nodiscard]] WireReply take();

 private:
  void end_line();

  WireReply reply_;
  std::string line_;             // what is kept of the line in hand, with its code
  std::size_t line_octets_ = 0;  // what has come of it
  bool complete_ = false;
};

}  // namespace mailstead::smtp
