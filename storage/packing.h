// Small values in one column: integers of variable length and strings with their length before them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/acceptance.h"

namespace mailstead::storage {

class Packer {
 public:
  Packer& integer(std::uint64_t value);
  Packer& string(std::string_view value);
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Never reads beyond the bytes; after the first unreadable value ok() is false and all values are empty.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] std::uint64_t integer();
  [[nodiscard]] std::string_view string();
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool done() const noexcept { return !ok_ || rest_.empty(); }

 private:
  void fail();
  std::string_view rest_;
  bool ok_ = true;
};

[[nodiscard]] std::string pack(const std::vector<std::string>& strings);
[[nodiscard]] std::vector<std::string> unpack_strings(std::string_view bytes);
[[nodiscard]] std::string pack(const std::vector<HistoryEvent>& events);
[[nodiscard]] std::vector<HistoryEvent> unpack_events(std::string_view bytes);
// Keywords hold no blank.
[[nodiscard]] std::string join_words(const std::vector<std::string>& words);
[[nodiscard]] std::vector<std::string> split_words(std::string_view words);

}  // namespace mailstead::storage
