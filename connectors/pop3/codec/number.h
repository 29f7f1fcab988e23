// Decimal numbers of POP3 (message numbers, octets): digits only, no sign, no overflow.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mailstead::pop3 {

// nullopt for "", signs, blanks, other characters and anything above 2^64 − 1.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;

// A message number (RFC 1939 §5: from 1). nullopt above 2^31 − 1 as well.
[[nodiscard]] std::optional<std::uint32_t> parse_message_number(std::string_view text) noexcept;

// Splits at the first run of blanks: the word before it is returned, `rest` keeps what follows it.
[[nodiscard]] std::string_view take_word(std::string_view& rest) noexcept;

}  // namespace mailstead::pop3
