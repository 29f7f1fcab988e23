// The words of IMAP (RFC 3501 §9, RFC 9051 §9), for both sides: characters, strings, numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mailstead::imap {

[[nodiscard]] bool is_atom_char(char c) noexcept;
[[nodiscard]] bool is_astring_char(char c) noexcept;  // atom-char or "]"

// Appends a string in the shortest form that carries it: atom (astring only), quoted, or literal ("{n}\r\n…").
// `literal_suffix` is "" or "+" (RFC 7888, client side only).
void append_astring(std::string& out, std::string_view bytes, std::string_view literal_suffix = "");
void append_string(std::string& out, std::string_view bytes, std::string_view literal_suffix = "");
// string or NIL for nullopt.
void append_nstring(std::string& out, std::optional<std::string_view> bytes);

// Decimal digits only, no sign, no overflow; nullopt otherwise.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view digits,
                                                        std::uint64_t max = UINT64_MAX) noexcept;

}  // namespace mailstead::imap
