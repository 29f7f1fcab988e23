// What one line of a header block is (RFC 5322 §2.2), the one place that decides it for HeaderBlock, which has all the
// bytes, and for StructureParser and MessageScanner, which get them in pieces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mail/limits.h"

namespace mailstead::mail {

enum class HeaderLine {
  kField,         // "Name: …"
  kContinuation,  // begins with a blank, behind a field
  kEnvelope,      // "From " or ">From " in front of the first field: mbox and some servers leave it there
  kBlank,         // the end of the header, part of it
  kNone,          // anything else: the end of the header, not part of it
};

// `line` with or without its line end; `colon` is set for kField.
[[nodiscard]] HeaderLine classify_header_line(std::string_view line, bool after_field, std::size_t& colon) noexcept;

// Collects a header block from a stream, line by line. The block is cut in front of the first line (or, inside a field,
// in front of the field) that would take it beyond a limit, at the same octet however the stream was split.
class HeaderCollector {
 public:
  HeaderCollector() = default;

  // Begins a new block.
  void begin(ByteCount max_bytes, std::size_t max_fields);
  // Takes bytes up to the end of the line in hand (or all of them); returns the count taken. A line is complete
  // when line_complete() says so; then look at line() and call accept() or end_before_line().
  std::size_t take(std::string_view bytes);
  [[nodiscard]] bool line_complete() const noexcept { return !line().empty() && line().back() == '\n'; }
  [[nodiscard]] std::string_view line() const noexcept { return std::string_view(bytes_).substr(line_begin_); }
  // Whether the bytes held so far exceed the limit: cut() is then final, whatever follows.
  [[nodiscard]] bool over_limit() const noexcept { return bytes_.size() > max_bytes_; }

  enum class Verdict { kMore, kEnd };
  // Judges the line in hand. kEnd: the block is bytes().substr(0, cut()); what lies behind it belongs to the body.
  Verdict accept();
  // Ends the block in front of the line in hand.
  void end_before_line() noexcept { cut_ = line_begin_; }

  [[nodiscard]] std::size_t cut() const noexcept { return cut_; }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  // Gives up the block and what lies behind it; the collector must begin() again.
  [[nodiscard]] std::string release() noexcept { return std::move(bytes_); }

 private:
  std::string bytes_;
  std::size_t line_begin_ = 0;
  std::size_t field_begin_ = 0;
  std::size_t fields_ = 0;
  std::size_t cut_ = 0;
  ByteCount max_bytes_ = 0;
  std::size_t max_fields_ = 0;
};

}  // namespace mailstead::mail
