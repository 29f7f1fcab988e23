// What must be known of a message before it is sent, found in one pass over it; and the mark by which a message that
// comes back from a server is recognised.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mail/content.h"
#include "mail/digest.h"
#include "mail/limits.h"

namespace mailstead::imap {

// SHA-256 over a message as servers may hand it back: CRLF and LF alike, without line ends at its very end, a NUL as
// 0x80 (servers that store lines with LF alone cannot tell the first; some cannot keep a NUL).
class StoredMark {
 public:
  void add(std::string_view octets);
  [[nodiscard]] mail::Sha256 finish();

 private:
  void put(std::string_view octets);
  mail::Sha256Stream stream_;
  std::size_t line_feeds_held_ = 0;  // at the very end they do not count
  bool after_cr_ = false;
};

struct MessageOctets {
  mail::ByteCount size = 0;
  mail::ByteCount crlf = 0, bare_lf = 0;  // line ends
  bool has_nul = false;
  bool eight_bit_header = false;
  std::string header;   // at most kMaxComparedHeader; may be cut off
  mail::Sha256 mark{};  // where it was asked for
};

inline constexpr std::size_t kMaxComparedHeader = 256 * 1024;

// Throws Failure(kStorage, kMessage) when the message cannot be read whole.
[[nodiscard]] MessageOctets look_at(const mail::Content& content, bool with_mark);

// The octets up to the end of the header: through its blank line, or all of them.
[[nodiscard]] std::string_view header_part(std::string_view octets) noexcept;

}  // namespace mailstead::imap
