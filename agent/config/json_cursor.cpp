#include "agent/config/json_cursor.h"

namespace mailstead::agent {

void append_token(std::string& pointer, std::string_view token) {
  pointer += '/';
  for (char c : token) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

void PointerTrack::begin(bool array) {
  frames_.push_back({array, pointer_.size(), 0});
}

void PointerTrack::key(std::string_view name) {
  pointer_.resize(frames_.back().length);
  append_token(pointer_, name);
}

void PointerTrack::end() {
  pointer_.resize(frames_.back().length);
  frames_.pop_back();
}

void PointerTrack::value() {
  if (!in_array()) return;
  pointer_.resize(frames_.back().length);
  append_token(pointer_, std::to_string(frames_.back().next++));
}

}  // namespace mailstead::agent
