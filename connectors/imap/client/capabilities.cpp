#include "connectors/imap/client/capabilities.h"

#include <algorithm>

namespace mailstead::imap {
namespace {

constexpr std::size_t kMaxWords = 500;
constexpr std::size_t kMaxLiteralMinus = 4096;  // RFC 7888 §5
constexpr std::string_view kAuth = "AUTH=";

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return result;
}

}  // namespace

Capabilities Capabilities::parse(std::string_view words) {
  Capabilities result;
  result.add(words);
  return result;
}

void Capabilities::add(std::string_view words) {
  while (!words.empty() && words_.size() < kMaxWords) {
    std::size_t blank = std::min(words.find(' '), words.size());
    if (blank > 0) words_.push_back(upper(words.substr(0, blank)));
    words.remove_prefix(std::min(blank + 1, words.size()));
  }
}

bool Capabilities::has(std::string_view word) const noexcept {
  return std::find(words_.begin(), words_.end(), word) != words_.end();
}

std::vector<std::string> Capabilities::mechanisms() const {
  std::vector<std::string> result;
  for (const auto& word : words_) {
    if (word.starts_with(kAuth)) result.push_back(word.substr(kAuth.size()));
  }
  return result;
}

std::string_view Capabilities::literal_suffix(std::size_t size) const noexcept {
  bool without_waiting = has("LITERAL+") || (has("LITERAL-") && size <= kMaxLiteralMinus);
  return without_waiting ? "+" : "";
}

}  // namespace mailstead::imap
