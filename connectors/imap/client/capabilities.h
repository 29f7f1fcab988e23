// What a server announced (RFC 3501 §7.2.1). A value; words are kept upper-case.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mailstead::imap {

class Capabilities {
 public:
  Capabilities() = default;
  // Words between blanks; at most 500 are kept.
  [[nodiscard]] static Capabilities parse(std::string_view words);
  // More of them, within the same limit.
  void add(std::string_view words);

  [[nodiscard]] bool known() const noexcept { return !words_.empty(); }
  [[nodiscard]] bool has(std::string_view word) const noexcept;  // upper-case
  [[nodiscard]] std::vector<std::string> mechanisms() const;     // of "AUTH=…"
  [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }
  // How a literal of this size may be sent without waiting: "+" or "" (RFC 7888).
  [[nodiscard]] std::string_view literal_suffix(std::size_t size) const noexcept;

 private:
  std::vector<std::string> words_;
};

}  // namespace mailstead::imap
