#include "connectors/pop3/codec/number.h"

#include <charconv>

#include "mail/ascii.h"

namespace mailstead::pop3 {

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> parse_message_number(std::string_view text) noexcept {
  auto value = parse_number(text);
  if (!value || *value == 0 || *value > 0x7FFF'FFFF) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::string_view take_word(std::string_view& rest) noexcept {
  std::size_t end = 0;
  while (end < rest.size() && !mail::is_blank(rest[end])) ++end;
  std::string_view word = rest.substr(0, end);
  while (end < rest.size() && mail::is_blank(rest[end])) ++end;
  rest.remove_prefix(end);
  return word;
}

}  // namespace mailstead::pop3
