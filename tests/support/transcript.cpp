#include "tests/support/transcript.h"

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace mailstead::testing {
namespace {

using Kind = TranscriptItem::Kind;

[[noreturn]] void refuse(int line, const std::string& why) {
  throw std::invalid_argument("transcript line " + std::to_string(line) + ": " + why);
}

char hex_octet(std::string_view digits, int line) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) refuse(line, "\\x needs two hex digits");
  return static_cast<char>(value);
}

// A glob keeps `\*` and `\\` for the matcher.
std::string unescape(std::string_view text, bool glob, int line) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result += text[i];
      continue;
    }
    if (++i == text.size()) refuse(line, "a lone \\ at the end");
    switch (text[i]) {
      case 'r': result += '\r'; break;
      case 'n': result += '\n'; break;
      case 't': result += '\t'; break;
      case '0': result += '\0'; break;
      case 'x':
        result += hex_octet(text.substr(i + 1, 2), line);
        i += 2;
        break;
      case '\\': result += glob ? "\\\\" : "\\"; break;
      case '*': result += glob ? "\\*" : "*"; break;
      case '"': result += '"'; break;
      default: refuse(line, std::string("unknown escape \\") + text[i]);
    }
  }
  return result;
}

constexpr std::array<std::pair<std::string_view, Kind>, 8> kWords{{{"TLS", Kind::kTls},
                                                                   {"CLOSE", Kind::kClose},
                                                                   {"RESET", Kind::kReset},
                                                                   {"STALL", Kind::kStall},
                                                                   {"EOF", Kind::kEof},
                                                                   {"NEXT", Kind::kNext},
                                                                   {"WAKE", Kind::kWake},
                                                                   {"TIMEOUT", Kind::kTimeout}}};

TranscriptItem parse_item(std::string_view text, int line) {
  for (const auto& [word, kind] : kWords)
    if (text == word) return {kind, ' ', {}, {}, 0, line};
  const char side = text[0];
  const auto colon = text.find(':');
  if ((side != 'S' && side != 'C') || colon == std::string_view::npos || colon > 2)
    refuse(line, "neither S:, C: nor a word");
  std::string_view rest = text.substr(colon + 1);
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  TranscriptItem item{Kind::kLine, side, {}, {}, 0, line};
  const char mark = colon == 2 ? text[1] : ' ';
  if (mark == '#') {
    item.kind = Kind::kOctets;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), item.count);
    if (error != std::errc() || end != rest.data() + rest.size()) refuse(line, "not a number of octets");
    return item;
  }
  if (mark == '~') item.kind = Kind::kFragment;
  if (mark == '*') item.kind = Kind::kGlob;
  if (mark != ' ' && mark != '~' && mark != '*') refuse(line, "only ~, * or # may stand behind the side");
  if (mark != '*') item.text = unescape(rest, false, line);
  // Whether `~` is a fragment or a glob depends on who plays.
  if (mark != ' ') item.glob = unescape(rest, true, line);
  return item;
}

}  // namespace

std::vector<TranscriptItem> parse_transcript(std::string_view text) {
  std::vector<TranscriptItem> items;
  int number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos || line[first] == '#') continue;
    items.push_back(parse_item(line.substr(first), number));
  }
  return items;
}

std::string read_transcript(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::invalid_argument("no transcript " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool fits(const TranscriptItem& item, std::string_view line) {
  return item.kind == Kind::kLine ? line == item.text : glob_matches(item.glob, line);
}

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0, t = 0;
  std::size_t star = std::string_view::npos, resume = 0;
  while (t < text.size() || g < glob.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
      continue;
    }
    const bool escaped = g + 1 < glob.size() && glob[g] == '\\';
    if (g < glob.size() && t < text.size() && glob[g + (escaped ? 1 : 0)] == text[t]) {
      g += escaped ? 2 : 1;
      ++t;
      continue;
    }
    if (star == std::string_view::npos || resume >= text.size()) return false;
    g = star + 1;
    t = ++resume;
  }
  return true;
}

std::string shown(std::string_view octets) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result;
  for (char c : octets.substr(0, 400)) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '\r')
      result += "\\r";
    else if (c == '\n')
      result += "\\n";
    else if (octet < 0x20 || octet >= 0x7f)
      result += std::string("\\x") + kHex[octet >> 4U] + kHex[octet & 15U];
    else
      result += c;
  }
  if (octets.size() > 400) result += "…";
  return result;
}

}  // namespace mailstead::testing
