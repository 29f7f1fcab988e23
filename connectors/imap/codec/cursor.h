// Reads the syntax of one whole logical line: the text up to its final CRLF, literals included in place as
// "{n}\r\n" and their octets. Used for commands by the server and for responses by the client.
//
// "try_" calls consume and answer true, or leave everything as it was and answer false. "expect_" calls throw
// Failure(kProtocol, kSession) saying what was expected and where. Views live as long as the line.
// Bounded: nesting ≤ mail::kMaxListDepth; nothing is allocated from a number in the input.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::imap {

class Cursor {
 public:
  explicit Cursor(std::string_view line) : line_(line) {}

  [[nodiscard]] bool at_end() const noexcept { return position_ >= line_.size(); }
  [[nodiscard]] std::string_view rest() const noexcept { return line_.substr(position_); }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : line_[position_]; }

  [[nodiscard]] bool try_char(char c) noexcept;
  void expect_char(char c);
  void expect_space() { expect_char(' '); }
  // Blanks that a sloppy peer put in; answers whether there was one.
  bool skip_spaces() noexcept;
  void expect_end();

  // ASCII case-insensitive whole word: followed by no atom character, unless it ends with "[" ("BODY[").
  [[nodiscard]] bool try_word(std::string_view word) noexcept;
  // Octets above 127 count as atom characters here: peers send raw UTF-8 names unquoted.
  [[nodiscard]] std::optional<std::string_view> try_atom() noexcept;
  [[nodiscard]] std::string_view expect_atom();
  [[nodiscard]] std::optional<std::uint64_t> try_number(std::uint64_t max = UINT64_MAX) noexcept;
  [[nodiscard]] std::uint64_t expect_number(std::uint64_t max = UINT64_MAX);

  // quoted or literal (literal8 "~{n}" too, "{n+}" too)
  [[nodiscard]] std::optional<std::string> try_string();
  [[nodiscard]] std::string expect_string();
  [[nodiscard]] std::string expect_astring();
  // NIL → nullopt
  [[nodiscard]] std::optional<std::string> expect_nstring();

  // "(" item *(SP item) ")"; `item` parses one. Also accepts "()".
  void expect_list(const std::function<void()>& item);
  // Any one value: atom, number, string, or list, skipped whole (unknown response items).
  void skip_value();
  // Flags in parentheses, as written.
  [[nodiscard]] std::vector<std::string> expect_flag_list();

 private:
  void skip_value_at(int depth);
  std::string_view line_;
  std::size_t position_ = 0;
  std::size_t depth_ = 0;  // of expect_list calls under way
};

}  // namespace mailstead::imap
