// Where a message should end by its announced size, and whether it ended there although the terminator is not whole.
//
// QUIRK: Exchange (2000), a message whose last line has no CRLF runs into the terminator (fetchmail FAQ S2): "text."
// CRLF, and no CRLF "." CRLF ever comes. That can be told only where the announced size is exact: then the octets
// behind it are just "." CRLF, and what follows is no more of the message. Those three are withheld until it is known.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "mail/limits.h"

namespace mailstead::pop3 {

class FinalDot {
 public:
  explicit FinalDot(std::optional<mail::ByteCount> announced)
      : announced_(announced.value_or(0)), watching_(announced_ > 0) {}

  // At most so many octets may be decoded before the end has to be looked for.
  [[nodiscard]] std::size_t room() const noexcept {
    return watching_ ? static_cast<std::size_t>(announced_ + kWithheld - size_) : std::string_view::npos;
  }
  template <typename Visit>
  void pass(std::string_view piece, Visit&& visit) {
    size_ += piece.size();
    if (!watching_) return visit(piece);
    auto behind =
        static_cast<std::size_t>(std::min<mail::ByteCount>(piece.size(), size_ > announced_ ? size_ - announced_ : 0));
    std::string_view before = piece.substr(0, piece.size() - behind);
    if (!before.empty()) last_ = before.back(), visit(before);
    withheld_ += piece.substr(piece.size() - behind);
  }
  // The place is reached: stands() tells what the octets say, then comes release() or the end of the message.
  [[nodiscard]] bool reached() const noexcept { return watching_ && size_ == announced_ + kWithheld; }
  [[nodiscard]] bool stands() const noexcept { return withheld_ == ".\r\n" && last_ != '\n'; }
  template <typename Visit>
  void release(Visit&& visit) {
    watching_ = false;
    if (!withheld_.empty()) visit(std::string_view(withheld_));
    withheld_.clear();
  }
  [[nodiscard]] mail::ByteCount size() const noexcept { return size_; }

 private:
  static constexpr mail::ByteCount kWithheld = 3;
  const mail::ByteCount announced_;
  mail::ByteCount size_ = 0;
  bool watching_;
  char last_ = '\n';
  std::string withheld_;  // at most kWithheld octets
};

}  // namespace mailstead::pop3
