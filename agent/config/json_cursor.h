// A way over the octets of a JSON text that knows the line it is in: what the JSON library itself does not keep.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::agent {

struct JsonCursor {
  const char* at = nullptr;
  unsigned line = 1;         // of the octet consumed last
  bool behind_line = false;  // that octet was a line end
};

// A single-pass iterator; copies move together. The line stays that of the token just read even where the library had
// to look one octet further (numbers).
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  explicit CountingIterator(const char* end) : end_(end) {}
  explicit CountingIterator(JsonCursor& cursor) : cursor_(&cursor) {}
  reference operator*() const { return *cursor_->at; }
  CountingIterator& operator++() {
    if (cursor_->behind_line) ++cursor_->line;
    cursor_->behind_line = *cursor_->at == '\n';
    ++cursor_->at;
    return *this;
  }
  CountingIterator operator++(int) { return ++*this; }
  bool operator==(const CountingIterator& other) const { return position() == other.position(); }

 private:
  [[nodiscard]] const char* position() const { return cursor_ != nullptr ? cursor_->at : end_; }
  JsonCursor* cursor_ = nullptr;
  const char* end_ = nullptr;
};

// Where a walk over JSON stands, as a pointer (RFC 6901). Told of every event, in order.
class PointerTrack {
 public:
  void begin(bool array);
  void key(std::string_view name);
  void end();
  // Before each value (scalar, or the begin of an object or array).
  void value();
  [[nodiscard]] const std::string& pointer() const noexcept { return pointer_; }
  [[nodiscard]] std::size_t depth() const noexcept { return frames_.size(); }
  [[nodiscard]] bool in_array() const noexcept { return !frames_.empty() && frames_.back().array; }

 private:
  struct Frame {
    bool array = false;
    std::size_t length = 0;  // of the pointer to the container
    std::size_t next = 0;    // index of the next item
  };
  std::vector<Frame> frames_;
  std::string pointer_;
};

// One token of a pointer, escaped.
void append_token(std::string& pointer, std::string_view token);

}  // namespace mailstead::agent
