#include "connectors/imap/codec/syntax.h"

#include <algorithm>

#include "mail/ascii.h"

namespace mailstead::imap {
namespace {

// Longer strings travel as literals: strict peers bound the length of a line.
constexpr std::size_t kMaxQuoted = 1000;

bool fits_quoted(std::string_view bytes) {
  return bytes.size() <= kMaxQuoted && std::all_of(bytes.begin(), bytes.end(), [](char c) {
           auto u = static_cast<unsigned char>(c);
           return u != 0 && u != '\r' && u != '\n' && u < 0x80;
         });
}

void append_quoted(std::string& out, std::string_view bytes) {
  out += '"';
  for (char c : bytes) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_literal(std::string& out, std::string_view bytes, std::string_view suffix) {
  out += '{';
  out += std::to_string(bytes.size());
  out += suffix;
  out += "}\r\n";
  out += bytes;
}

bool is_nil(std::string_view bytes) {
  return bytes.size() == 3 && mail::lower(bytes[0]) == 'n' && mail::lower(bytes[1]) == 'i' &&
         mail::lower(bytes[2]) == 'l';
}

}  // namespace

bool is_atom_char(char c) noexcept {
  auto u = static_cast<unsigned char>(c);
  if (u <= 0x20 || u >= 0x7F) return false;
  switch (c) {
    case '(':
    case ')':
    case '{':
    case '%':
    case '*':
    case '"':
    case '\\':
    case ']': return false;
    default: return true;
  }
}

bool is_astring_char(char c) noexcept {
  return c == ']' || is_atom_char(c);
}

void append_astring(std::string& out, std::string_view bytes, std::string_view literal_suffix) {
  // A bare NIL is an astring too, but not every peer reads it as one.
  bool atom = !bytes.empty() && bytes.size() <= kMaxQuoted && !is_nil(bytes) &&
              std::all_of(bytes.begin(), bytes.end(), is_astring_char);
  if (atom) {
    out += bytes;
  } else {
    append_string(out, bytes, literal_suffix);
  }
}

void append_string(std::string& out, std::string_view bytes, std::string_view literal_suffix) {
  if (fits_quoted(bytes)) {
    append_quoted(out, bytes);
  } else {
    append_literal(out, bytes, literal_suffix);
  }
}

void append_nstring(std::string& out, std::optional<std::string_view> bytes) {
  if (bytes) {
    append_string(out, *bytes);
  } else {
    out += "NIL";
  }
}

std::optional<std::uint64_t> parse_number(std::string_view digits, std::uint64_t max) noexcept {
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : digits) {
    if (!mail::is_digit(c)) return std::nullopt;
    auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  if (value > max) return std::nullopt;
  return value;
}

}  // namespace mailstead::imap
