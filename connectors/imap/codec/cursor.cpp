#include "connectors/imap/codec/cursor.h"

#include "connectors/imap/codec/syntax.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/limits.h"

namespace mailstead::imap {
namespace {

constexpr std::size_t kShownOfRest = 40;

[[noreturn]] void refuse(const Cursor& at, std::string_view expected) {
  std::string text = "expected " + std::string(expected) + " at position " + std::to_string(at.position()) + ", found ";
  text += at.at_end() ? "the end of the line" : "\"" + mail::printable(at.rest().substr(0, kShownOfRest)) + "\"";
  throw mail::Failure(mail::FailureKind::kProtocol, mail::FailureScope::kSession, std::move(text));
}

// Octets above 127 are taken inside atoms as they come: servers send raw UTF-8 names unquoted.
bool in_atom(char c) {
  return is_atom_char(c) || static_cast<unsigned char>(c) >= 0x80;
}
bool in_astring(char c) {
  return c == ']' || in_atom(c);
}
bool in_flag(char c) {
  return in_astring(c) || c == '\\' || c == '*' || c == '%';
}
// Unknown response items: whatever does not begin or end another value.
bool in_bare_value(char c) {
  auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u != 0x7F && c != '(' && c != ')' && c != '"' && c != '{';
}

template <typename Predicate>
std::string_view run_of(std::string_view text, Predicate inside) {
  std::size_t length = 0;
  while (length < text.size() && inside(text[length])) ++length;
  return text.substr(0, length);
}

// Length of the quoted string at the front, quotes included; 0 when it does not end or holds CR, LF or NUL.
std::size_t quoted_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') return i + 1;
    if (c == '\\') c = ++i < text.size() ? text[i] : '\0';
    if (c == '\r' || c == '\n' || c == '\0') return 0;
  }
  return 0;
}

std::string unquoted(std::string_view quoted) {
  std::string value;
  value.reserve(quoted.size());
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] == '\\' && i + 2 < quoted.size()) ++i;
    value += quoted[i];
  }
  return value;
}

struct LiteralSpan {
  std::size_t begin = 0, size = 0;
};

// "{n}\r\n", "{n+}\r\n", "~{n}\r\n" whose octets are all in the line.
std::optional<LiteralSpan> literal_at(std::string_view text) {
  std::size_t open = !text.empty() && text.front() == '~' ? 1 : 0;
  if (text.size() <= open || text[open] != '{') return std::nullopt;
  std::size_t close = text.substr(0, open + 24).find('}');
  if (close == std::string_view::npos) return std::nullopt;
  std::string_view digits = text.substr(open + 1, close - open - 1);
  if (!digits.empty() && (digits.back() == '+' || digits.back() == '-')) digits.remove_suffix(1);
  auto size = parse_number(digits, text.size());
  if (!size || text.substr(close + 1, 2) != "\r\n") return std::nullopt;
  std::size_t begin = close + 3;
  if (*size > text.size() - begin) return std::nullopt;
  return LiteralSpan{begin, static_cast<std::size_t>(*size)};
}

}  // namespace

bool Cursor::try_char(char c) noexcept {
  if (at_end() || line_[position_] != c) return false;
  ++position_;
  return true;
}

void Cursor::expect_char(char c) {
  if (!try_char(c)) refuse(*this, c == ' ' ? std::string("a blank") : std::string("'") + c + "'");
}

bool Cursor::skip_spaces() noexcept {
  std::size_t before = position_;
  while (try_char(' ')) {
  }
  return position_ != before;
}

void Cursor::expect_end() {
  if (!at_end()) refuse(*this, "the end of the line");
}

bool Cursor::try_word(std::string_view word) noexcept {
  std::string_view text = rest();
  if (word.empty() || text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (mail::lower(text[i]) != mail::lower(word[i])) return false;
  }
  bool open = word.back() == '[';
  if (!open && text.size() > word.size() && in_atom(text[word.size()])) return false;
  position_ += word.size();
  return true;
}

std::optional<std::string_view> Cursor::try_atom() noexcept {
  std::string_view atom = run_of(rest(), in_atom);
  if (atom.empty()) return std::nullopt;
  position_ += atom.size();
  return atom;
}

std::string_view Cursor::expect_atom() {
  auto atom = try_atom();
  if (!atom) refuse(*this, "an atom");
  return *atom;
}

std::optional<std::uint64_t> Cursor::try_number(std::uint64_t max) noexcept {
  std::string_view digits = run_of(rest(), mail::is_digit);
  auto value = parse_number(digits, max);
  if (value) position_ += digits.size();
  return value;
}

std::uint64_t Cursor::expect_number(std::uint64_t max) {
  auto value = try_number(max);
  if (!value) refuse(*this, "a number up to " + std::to_string(max));
  return *value;
}

std::optional<std::string> Cursor::try_string() {
  std::string_view text = rest();
  if (text.empty()) return std::nullopt;
  if (text.front() == '"') {
    std::size_t length = quoted_length(text);
    if (length == 0) return std::nullopt;
    position_ += length;
    return unquoted(text.substr(0, length));
  }
  auto literal = literal_at(text);
  if (!literal) return std::nullopt;
  position_ += literal->begin + literal->size;
  return std::string(text.substr(literal->begin, literal->size));
}

std::string Cursor::expect_string() {
  auto value = try_string();
  if (!value) refuse(*this, "a string");
  return std::move(*value);
}

std::string Cursor::expect_astring() {
  if (auto value = try_string()) return std::move(*value);
  std::string_view atom = run_of(rest(), in_astring);
  if (atom.empty()) refuse(*this, "an atom or a string");
  position_ += atom.size();
  return std::string(atom);
}

std::optional<std::string> Cursor::expect_nstring() {
  if (try_word("NIL")) return std::nullopt;
  auto value = try_string();
  if (!value) refuse(*this, "a string or NIL");
  return value;
}

void Cursor::expect_list(const std::function<void()>& item) {
  if (peek() != '(') refuse(*this, "a list");
  if (depth_ >= mail::kMaxListDepth) {
    throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kSession,
                        "lists are nested deeper than " + std::to_string(mail::kMaxListDepth));
  }
  struct Depth {
    std::size_t& value;
    explicit Depth(std::size_t& depth) : value(++depth) {}
    ~Depth() { --value; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
  } depth(depth_);
  ++position_;
  skip_spaces();
  while (!try_char(')')) {
    std::size_t before = position_;
    item();
    bool blank = skip_spaces();
    if (peek() != ')' && (!blank || position_ == before)) refuse(*this, "a blank or ')'");
  }
}

void Cursor::skip_value() {
  skip_value_at(static_cast<int>(depth_));
}

void Cursor::skip_value_at(int depth) {
  if (depth > static_cast<int>(mail::kMaxListDepth)) {
    throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kSession,
                        "lists are nested deeper than " + std::to_string(mail::kMaxListDepth));
  }
  if (try_char('(')) {
    skip_spaces();
    while (!try_char(')')) {
      if (at_end()) refuse(*this, "')'");
      skip_value_at(depth + 1);
      skip_spaces();
    }
    return;
  }
  std::string_view text = rest();
  if (peek() == '"') {
    std::size_t length = quoted_length(text);
    if (length == 0) refuse(*this, "the end of a quoted string");
    position_ += length;
    return;
  }
  if (auto literal = literal_at(text)) {
    position_ += literal->begin + literal->size;
    return;
  }
  std::string_view bare = run_of(text, in_bare_value);
  if (bare.empty()) refuse(*this, "a value");
  position_ += bare.size();
}

std::vector<std::string> Cursor::expect_flag_list() {
  std::vector<std::string> flags;
  expect_list([&] {
    std::string_view flag = run_of(rest(), in_flag);
    if (flag.empty()) refuse(*this, "a flag");
    position_ += flag.size();
    flags.emplace_back(flag);
  });
  return flags;
}

}  // namespace mailstead::imap
