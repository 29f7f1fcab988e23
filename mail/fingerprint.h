// The identity of a message across accounts, MessageFacts::fingerprint: what the writer made, not what transport added.
//
// SHA-256 over a version line and, each with its length: the Message-ID; the addr-specs of From in lower case; the Date
// in UTC seconds, or unfolded when it cannot be read; the Subject decoded with runs of blanks collapsed; then the body
// with CRLF, CR and LF as LF and without the line ends at its very end. A missing field counts as an empty one.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "mail/digest.h"
#include "mail/header.h"

namespace mailstead::mail {

// The first Message-ID with its angle brackets, blanks and controls removed, valid UTF-8; empty when there is none or
// when it is longer than any line may be.
[[nodiscard]] std::string message_id_of(const HeaderBlock& header);

// Feed the header once, then the body in any pieces.
class Fingerprint {
 public:
  Fingerprint() = default;
  void add_header(const HeaderBlock& header);
  void add_body(std::string_view bytes);
  [[nodiscard]] Sha256 finish();

 private:
  void append(std::string_view text);
  void flush();

  Sha256Stream stream_;
  std::array<char, 16384> buffer_;
  std::size_t filled_ = 0;
  std::uint64_t line_feeds_held_ = 0;  // in front of the buffer: at the very end they do not count
  bool after_cr_ = false;
};

}  // namespace mailstead::mail
