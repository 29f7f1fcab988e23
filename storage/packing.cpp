#include "storage/packing.h"

#include <utility>

namespace mailstead::storage {

Packer& Packer::integer(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  bytes_.push_back(static_cast<char>(value));
  return *this;
}

Packer& Packer::string(std::string_view value) {
  integer(value.size());
  bytes_.append(value);
  return *this;
}

void Unpacker::fail() {
  ok_ = false;
  rest_ = {};
}

std::uint64_t Unpacker::integer() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) break;
    auto octet = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= std::uint64_t{octet & 0x7fU} << shift;
    if (octet < 0x80) return value;
  }
  fail();
  return 0;
}

std::string_view Unpacker::string() {
  std::uint64_t length = integer();
  if (length > rest_.size()) {
    fail();
    return {};
  }
  std::string_view value = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return value;
}

std::string pack(const std::vector<std::string>& strings) {
  Packer packer;
  for (const std::string& value : strings) packer.string(value);
  return packer.take();
}

std::vector<std::string> unpack_strings(std::string_view bytes) {
  std::vector<std::string> strings;
  Unpacker unpacker(bytes);
  while (!unpacker.done()) {
    std::string_view value = unpacker.string();
    if (unpacker.ok()) strings.emplace_back(value);
  }
  return strings;
}

std::string pack(const std::vector<HistoryEvent>& events) {
  Packer packer;
  for (const HistoryEvent& event : events) {
    packer.integer(static_cast<std::uint64_t>(event.time.time_since_epoch().count()))
        .string(event.kind)
        .string(event.text);
  }
  return packer.take();
}

std::vector<HistoryEvent> unpack_events(std::string_view bytes) {
  std::vector<HistoryEvent> events;
  Unpacker unpacker(bytes);
  while (!unpacker.done()) {
    HistoryEvent event;
    event.time = mail::WallTime(std::chrono::seconds(static_cast<std::int64_t>(unpacker.integer())));
    event.kind = unpacker.string();
    event.text = unpacker.string();
    if (unpacker.ok()) events.push_back(std::move(event));
  }
  return events;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

std::vector<std::string> split_words(std::string_view words) {
  std::vector<std::string> split;
  while (!words.empty()) {
    std::size_t blank = std::min(words.find(' '), words.size());
    if (blank > 0) split.emplace_back(words.substr(0, blank));
    words.remove_prefix(std::min(blank + 1, words.size()));
  }
  return split;
}

}  // namespace mailstead::storage
