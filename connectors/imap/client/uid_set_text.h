// The text of a UID set in the making, from ascending UIDs: extends "4:7" by 8, "4:7" by 9 to "4:7,9".
#pragma once

#include <string>

#include "storage/types.h"

namespace mailstead::imap {

inline constexpr std::size_t kMaxSetText = 1000;  // strict servers refuse long lines (RFC 2683 §3.2.1.5)

class UidSetText {
 public:
  void add(storage::Uid uid) {
    if (!text_.empty() && uid == last_ + 1) {
      text_.resize(range_begin_);
      text_ += std::to_string(first_) + ':' + std::to_string(uid);
    } else {
      if (!text_.empty()) text_ += ',';
      range_begin_ = text_.size();
      first_ = uid;
      text_ += std::to_string(uid);
    }
    last_ = uid;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  // Another UID may make it longer than kMaxSetText.
  [[nodiscard]] bool full() const { return text_.size() + 22 > kMaxSetText; }

 private:
  std::string text_;
  std::size_t range_begin_ = 0;
  storage::Uid first_ = 0, last_ = 0;
};

}  // namespace mailstead::imap
