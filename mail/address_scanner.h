// The lexical level of address lists (RFC 5322 §3.2): words, quoted strings, comments, domain literals. Part of
// mail/address.h, not for others. Views live as long as the value scanned.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mailstead::mail {

struct AddressToken {
  enum class Kind { kWord, kQuoted, kLiteral, kSpecial, kEnd };
  Kind kind = Kind::kEnd;
  char special = 0;
  std::string text;         // quotes and escapes resolved
  bool gap_before = false;  // blanks or comments stood in front
};

// Linear time: an opening quote or parenthesis that is never closed is looked for once and is an ordinary byte from
// then on.
class AddressScanner {
 public:
  AddressScanner(std::string_view value, std::size_t max_nesting) : rest_(value), max_nesting_(max_nesting) {}

  void next(AddressToken& token);
  // The last comment since the last call, resolved; empty when there was none.
  [[nodiscard]] std::string take_comment();
  // What was not scanned yet.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  bool skip_gap();
  bool skip_comment();
  bool read_quoted(AddressToken& token, char close);
  [[nodiscard]] std::size_t encoded_word_length() const noexcept;
  [[nodiscard]] std::size_t word_length() const noexcept;

  std::string_view rest_;
  std::size_t max_nesting_;
  std::string comment_;
  bool comments_close_ = true;
  bool quotes_close_ = true;
  bool literals_close_ = true;
};

}  // namespace mailstead::mail
