#include "connectors/smtp/extensions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "mail/ascii.h"
#include "mail/escape.h"

namespace mailstead::smtp {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return result;
}

// Cuts the next word off `text`; "" when there is none.
std::string_view next_word(std::string_view& text) {
  text = mail::trim(text);
  auto end = std::min(text.find_first_of(" \t"), text.size());
  auto word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

void add_mechanisms(std::string_view words, Extensions& extensions) {
  for (auto word = next_word(words); !word.empty(); word = next_word(words)) {
    auto name = upper(word);
    auto& known = extensions.mechanisms;
    if (std::find(known.begin(), known.end(), name) == known.end()) known.push_back(std::move(name));
  }
}

void read_size(std::string_view words, Extensions& extensions) {
  extensions.size = true;
  auto number = next_word(words);
  // A limit that is no number (or one beyond 2^64) is as good as none: the server will say so itself.
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), extensions.size_limit);
  if (error != std::errc() || end != number.data() + number.size()) extensions.size_limit = 0;
}

struct Keyword {
  std::string_view name;
  void (*read)(std::string_view parameters, Extensions& extensions);
};

constexpr std::array kKeywords{
    Keyword{"PIPELINING", [](std::string_view, Extensions& e) { e.pipelining = true; }},
    Keyword{"8BITMIME", [](std::string_view, Extensions& e) { e.eight_bit_mime = true; }},
    Keyword{"STARTTLS", [](std::string_view, Extensions& e) { e.start_tls = true; }},
    Keyword{"SMTPUTF8", [](std::string_view, Extensions& e) { e.smtp_utf8 = true; }},
    Keyword{"SIZE", read_size},
    Keyword{"AUTH", add_mechanisms},
};

void read_line(std::string_view line, Extensions& extensions) {
  auto name = upper(next_word(line));
  if (name.empty()) return;
  // QUIRK: servers from before RFC 4954 write "AUTH=LOGIN PLAIN" — RFC 4954 §9, Postfix broken_sasl_auth_clients.
  if (name.starts_with("AUTH=")) {
    add_mechanisms(name.substr(5), extensions);
    name = "AUTH";
  }
  for (const auto& keyword : kKeywords) {
    if (keyword.name == name) keyword.read(line, extensions);
  }
  extensions.keywords.push_back(mail::printable(name, 64));
}

}  // namespace

Extensions parse_extensions(const WireReply& hello) {
  Extensions extensions;
  for (std::size_t i = 1; i < hello.lines.size(); ++i) read_line(hello.lines[i], extensions);
  return extensions;
}

}  // namespace mailstead::smtp
