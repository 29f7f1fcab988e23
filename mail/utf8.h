// One step through UTF-8 (RFC 3629): overlong forms, surrogates and code points above U+10FFFF are invalid.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mailstead::mail {

struct CodePoint {
  char32_t code = 0;
  std::size_t length = 0;  // octets; 0 when the text does not begin with a valid character
};

// `text` is not empty.
[[nodiscard]] CodePoint next_code_point(std::string_view text) noexcept;
void append_utf8(std::string& out, char32_t code);

// Octets of the longest valid prefix; all of it when the text is valid.
[[nodiscard]] std::size_t valid_utf8_prefix(std::string_view text) noexcept;

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace mailstead::mail
