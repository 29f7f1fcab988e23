#include "mail/escape.h"

#include <cstdint>

#include <fmt/format.h>

#include "mail/utf8.h"

namespace mailstead::mail {
namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

struct Range {
  char32_t first, last;
};

// C1, bidi and line controls; beyond them what is invisible and can hide or reorder text: deprecated format characters,
// byte order mark, interlinear annotations, tags.
constexpr Range kUnsafe[] = {{0x80, 0x9F},     {0x61C, 0x61C},   {0x200E, 0x200F}, {0x2028, 0x202E},
                             {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};

bool is_unsafe(char32_t c) {
  if (c < 0x80) return false;
  for (const Range& range : kUnsafe) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string result;
  result.reserve(std::min(text.size(), limit));
  std::size_t cut = 0;  // the longest whole prefix that leaves room for the ellipsis
  while (!text.empty()) {
    std::size_t before = result.size();
    auto [code, length] = next_code_point(text);
    auto byte = static_cast<unsigned char>(text.front());
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(result), "\\x{:02X}", byte);
      length = 1;
    } else if (is_unsafe(code)) {
      fmt::format_to(std::back_inserter(result), "\\u{{{:04X}}}", static_cast<std::uint32_t>(code));
    } else {
      result.append(text.substr(0, length));
    }
    if (before + kEllipsis.size() <= limit) cut = before;
    if (result.size() > limit) {
      result.resize(cut);
      if (cut + kEllipsis.size() <= limit) result.append(kEllipsis);
      return result;
    }
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace mailstead::mail
