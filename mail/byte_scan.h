// Loops over whole messages, 64 octets at a time. x86-64 uses SSE2, which every such processor has; elsewhere the
// compiler's vectoriser does what it can.
#pragma once

#include <cstdint>
#include <string_view>

namespace mailstead::mail {

[[nodiscard]] std::size_t count_line_feeds(std::string_view bytes) noexcept;

// What the wire will need to know about a message's lines; feed in any pieces.
class LineFacts {
 public:
  void feed(std::string_view bytes) noexcept;
  // At the end of the message.
  void finish() noexcept;

  [[nodiscard]] bool has_8bit() const noexcept { return has_8bit_; }
  [[nodiscard]] bool has_nul() const noexcept { return has_nul_; }
  [[nodiscard]] bool has_bare_cr_or_lf() const noexcept { return has_bare_; }
  [[nodiscard]] std::uint64_t longest_line() const noexcept { return longest_; }

 private:
  struct Masks;
  void feed_block(const char* block, std::size_t size) noexcept;
  void end_line(std::uint64_t line_feed, bool after_cr) noexcept;

  std::uint64_t offset_ = 0;      // of the next block
  std::uint64_t line_begin_ = 0;  // offset of the line in hand
  std::uint64_t longest_ = 0;
  std::uint64_t cr_carry_ = 0;  // 1 when the last octet was CR
  bool has_8bit_ = false;
  bool has_nul_ = false;
  bool has_bare_ = false;
};

}  // namespace mailstead::mail
