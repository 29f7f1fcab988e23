#include "mail/composition.h"

#include <algorithm>

#include <fmt/format.h>

#include "mail/ascii.h"
#include "mail/header.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kEncodedLine = 75;  // RFC 2045 §6.7 (5) allows 76

// CRLF line ends; the text ends with one.
std::string with_crlf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c != '\r' && c != '\n') {
      out.push_back(c);
      continue;
    }
    out.append("\r\n");
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
  }
  if (!out.empty() && !out.ends_with("\r\n")) out.append("\r\n");
  return out;
}

// `text` has CRLF line ends. Every octet that is not plain is encoded, so that no transport needs to touch it.
std::string quoted_printable(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (text.substr(i, 2) == "\r\n") {
      out.append("\r\n");
      column = 0;
      ++i;
      continue;
    }
    bool ends_line = i + 1 == text.size() || text.substr(i + 1, 2) == "\r\n";
    bool plain = (c > ' ' && c <= '~' && c != '=') || (is_blank(c) && !ends_line);
    std::size_t width = plain ? 1 : 3;
    if (column + width > kEncodedLine) {
      out.append("=\r\n");
      column = 0;
    }
    if (plain) {
      out.push_back(c);
    } else {
      out += fmt::format("={:02X}", static_cast<unsigned char>(c));
    }
    column += width;
  }
  return out;
}

bool needs_encoding(std::string_view text) {
  std::size_t line = 0;
  for (char c : text) {
    line = c == '\n' ? 0 : line + 1;
    if (line > 990 || static_cast<unsigned char>(c) >= 0x80 || c == '\0') return true;
  }
  return false;
}

}  // namespace

std::string text_entity(std::string_view fields, std::string_view text) {
  std::string content = with_crlf(text);
  bool encode = needs_encoding(content);
  return fmt::format("{}Content-Transfer-Encoding: {}\r\n\r\n{}", fields, encode ? "quoted-printable" : "7bit",
                     encode ? quoted_printable(content) : content);
}

std::string clean_host(std::string_view host) {
  std::string clean;
  for (char c : host) {
    if (is_letter(c) || is_digit(c) || c == '.' || c == '-') clean.push_back(c);
  }
  return clean.empty() ? "localhost" : clean.substr(0, 255);
}

std::string clean_id(std::string_view id) {
  std::string clean;
  for (char c : id) clean.push_back(is_letter(c) || is_digit(c) || c == '-' || c == '_' ? c : '.');
  while (!clean.empty() && clean.front() == '.') clean.erase(0, 1);
  while (!clean.empty() && clean.back() == '.') clean.pop_back();
  std::string tidy;
  for (char c : clean.substr(0, 200)) {
    if (c != '.' || !tidy.ends_with('.')) tidy.push_back(c);
  }
  return tidy.empty() ? "report" : tidy;
}

std::string sound_message_id(std::string_view field_value) {
  std::string value = unfold(field_value);
  bool sound = value.size() > 2 && value.size() < 900 && value.front() == '<' && value.find('>') == value.size() - 1 &&
               std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  return sound ? value : std::string();
}

}  // namespace mailstead::mail
