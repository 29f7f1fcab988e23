#include "mail/authentication_results.h"

#include <utility>

#include "mail/ascii.h"

namespace mailstead::mail {
namespace {

constexpr bool ends_word(char c) noexcept {
  return is_space(c) || c == ';' || c == '=' || c == '(' || c == '"' || c == '/';
}

// Words, signs, comments and quoted strings of the value, one after the other.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void skip_blanks_and_comments() noexcept {
    while (at_ < text_.size()) {
      if (is_space(text_[at_]))
        ++at_;
      else if (text_[at_] == '(')
        skip_comment();
      else
        return;
    }
  }
  [[nodiscard]] bool done() noexcept {
    skip_blanks_and_comments();
    return at_ == text_.size();
  }
  // Whether `sign` comes next, which is then taken.
  [[nodiscard]] bool take(char sign) noexcept {
    skip_blanks_and_comments();
    if (at_ == text_.size() || text_[at_] != sign) return false;
    ++at_;
    return true;
  }
  // A word or a quoted string, in lower case; "" when neither comes next.
  [[nodiscard]] std::string word() {
    skip_blanks_and_comments();
    if (at_ < text_.size() && text_[at_] == '"') return quoted();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !ends_word(text_[at_])) ++at_;
    return lowered(text_.substr(begin, at_ - begin));
  }
  // To the next ";" outside of comments and quoted strings, which is taken.
  void skip_result() {
    while (!done()) {
      if (text_[at_] == '"')
        (void)quoted();
      else if (text_[at_++] == ';')
        return;
    }
  }

 private:
  void skip_comment() noexcept {
    std::size_t depth = 0;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\')
        ++at_;
      else if (text_[at_] == '(')
        ++depth;
      else if (text_[at_] == ')' && --depth == 0)
        break;
    }
    at_ = at_ < text_.size() ? at_ + 1 : text_.size();
  }
  std::string quoted() {
    std::string value;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += lower(text_[at_]);
    }
    if (at_ < text_.size()) ++at_;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// method [ "/" version ] "=" result; "none", which stands alone where nothing was looked into, is none.
std::optional<AuthenticationResult> read_result(Scanner& scanner) {
  AuthenticationResult one;
  one.method = scanner.word();
  if (scanner.take('/') && scanner.word() != "1") return std::nullopt;
  if (one.method.empty() || !scanner.take('=')) return std::nullopt;
  one.result = scanner.word();
  if (one.result.empty()) return std::nullopt;
  return one;
}

bool ends_server(Scanner& scanner) {
  return scanner.take(';') || scanner.done();
}

}  // namespace

std::optional<AuthenticationResults> parse_authentication_results(std::string_view value) {
  Scanner scanner(value);
  AuthenticationResults found;
  found.server = scanner.word();
  if (found.server.empty()) return std::nullopt;
  if (!ends_server(scanner)) {
    // The version: "example.org 1;".
    if (scanner.word() != "1" || !ends_server(scanner)) return std::nullopt;
  }
  for (std::size_t i = 0; i < kMaxAuthenticationResults && !scanner.done(); ++i) {
    if (auto one = read_result(scanner)) found.results.push_back(std::move(*one));
    scanner.skip_result();
  }
  return found;
}

}  // namespace mailstead::mail
