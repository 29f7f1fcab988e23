// Conversion to UTF-8 by iconv. Wrong names and broken bytes are shown as well as can be, never an error.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::mail {

// Always valid UTF-8. An unknown charset is tried as UTF-8, then windows-1252; bytes that do not convert become U+FFFD.
[[nodiscard]] std::string to_utf8(std::string_view bytes, std::string_view charset);

[[nodiscard]] bool is_valid_utf8(std::string_view bytes) noexcept;
// Valid UTF-8 as it is; anything else read as windows-1252 (what unlabelled 8-bit header text usually is).
[[nodiscard]] std::string guess_utf8(std::string_view bytes);

}  // namespace mailstead::mail
