#include "mail/address_scanner.h"

#include <array>
#include <utility>

#include "mail/ascii.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kLongestEncodedWord = 512;  // looked for as one; RFC 2047 §2 allows 75

constexpr std::array<bool, 256> make_word_bytes() {
  std::array<bool, 256> table{};
  for (std::size_t c = 33; c < 256; ++c) table[c] = c != 127;
  for (char c : std::string_view("()<>[]:;@\\,\"")) table[static_cast<unsigned char>(c)] = false;
  return table;
}
constexpr auto kWordBytes = make_word_bytes();

// Bytes between words: blanks, line ends and the controls that have no meaning.
bool is_gap(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte == 127;
}

}  // namespace

std::string AddressScanner::take_comment() {
  return std::exchange(comment_, {});
}

bool AddressScanner::skip_gap() {
  bool any = false;
  while (!rest_.empty()) {
    if (is_gap(rest_.front())) {
      rest_.remove_prefix(1);
    } else if (rest_.front() != '(' || !comments_close_ || !skip_comment()) {
      break;
    }
    any = true;
  }
  return any;
}

// At "(": false and nothing skipped when it is not closed or nested too deep.
bool AddressScanner::skip_comment() {
  std::string text;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == '(' && depth++ == 0) continue;
    if (c == ')' && --depth == 0) {
      rest_.remove_prefix(i + 1);
      comment_ = std::move(text);
      return true;
    }
    if (depth > max_nesting_) break;
    if (c == '\\' && i + 1 < rest_.size()) c = rest_[++i];
    if (c != '\r' && c != '\n') text.push_back(c);
  }
  comments_close_ = false;
  return false;
}

bool AddressScanner::read_quoted(AddressToken& token, char close) {
  token.text.clear();
  for (std::size_t i = 1; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == close) {
      rest_.remove_prefix(i + 1);
      return true;
    }
    if (c == '\\' && i + 1 < rest_.size()) c = rest_[++i];
    if (c != '\r' && c != '\n') token.text.push_back(c);
  }
  return false;
}

// Programs leave commas, parentheses and the like bare in encoded words: =?utf-8?Q?Doe,_Jane?=
std::size_t AddressScanner::encoded_word_length() const noexcept {
  if (!rest_.starts_with("=?")) return 0;
  std::string_view near = rest_.substr(0, kLongestEncodedWord);
  std::size_t encoding = near.find('?', 2);
  if (encoding == std::string_view::npos || encoding + 2 >= near.size() || near[encoding + 2] != '?') return 0;
  std::size_t end = near.find("?=", encoding + 3);
  if (end == std::string_view::npos) return 0;
  for (char c : near.substr(0, end)) {
    if (is_gap(c) || c == '<' || c == '>') return 0;
  }
  return end + 2;
}

std::size_t AddressScanner::word_length() const noexcept {
  std::size_t length = encoded_word_length();
  while (length < rest_.size() && kWordBytes[static_cast<unsigned char>(rest_[length])]) ++length;
  return length;
}

void AddressScanner::next(AddressToken& token) {
  token.gap_before = skip_gap();
  token.special = 0;
  token.text.clear();
  if (rest_.empty()) {
    token.kind = AddressToken::Kind::kEnd;
    return;
  }
  char c = rest_.front();
  if (c == '"' && quotes_close_) {
    token.kind = AddressToken::Kind::kQuoted;
    if (read_quoted(token, '"')) return;
    quotes_close_ = false;
  }
  if (c == '[' && literals_close_) {
    token.kind = AddressToken::Kind::kLiteral;
    if (read_quoted(token, ']')) {
      token.text.insert(token.text.begin(), '[');
      token.text.push_back(']');
      return;
    }
    literals_close_ = false;
  }
  if (std::size_t length = word_length(); length > 0) {
    token.kind = AddressToken::Kind::kWord;
    token.text.assign(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return;
  }
  token.kind = AddressToken::Kind::kSpecial;
  token.special = c;
  token.text.assign(1, c);
  rest_.remove_prefix(1);
}

}  // namespace mailstead::mail
