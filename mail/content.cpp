#include "mail/content.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mailstead::mail {
namespace {

std::size_t copy_from(std::string_view bytes, ByteCount offset, std::span<char> into) {
  if (offset >= bytes.size() || into.empty()) return 0;
  auto rest = bytes.substr(static_cast<std::size_t>(offset), into.size());
  std::memcpy(into.data(), rest.data(), rest.size());
  return rest.size();
}

}  // namespace

std::size_t MemoryContent::read(ByteCount offset, std::span<char> into) const {
  return copy_from(bytes_, offset, into);
}

JoinedContent::JoinedContent(std::string head, std::shared_ptr<const Content> tail, ByteCount tail_offset)
    : head_(std::move(head)), tail_(std::move(tail)), tail_offset_(std::min(tail_offset, tail_->size())) {}

ByteCount JoinedContent::size() const {
  return head_.size() + tail_->size() - tail_offset_;
}

std::size_t JoinedContent::read(ByteCount offset, std::span<char> into) const {
  std::size_t filled = copy_from(head_, offset, into);
  while (filled < into.size()) {
    std::size_t got = tail_->read(tail_offset_ + (offset + filled - head_.size()), into.subspan(filled));
    if (got == 0) break;
    filled += got;
  }
  return filled;
}

std::string read_range(const Content& content, ByteCount offset, ByteCount length) {
  ByteCount size = content.size();
  std::string bytes;
  if (offset >= size) return bytes;
  length = std::min(length, size - offset);
  bytes.reserve(static_cast<std::size_t>(length));
  for_each_chunk(content, offset, length, [&bytes](std::string_view chunk) { bytes.append(chunk); });
  return bytes;
}

}  // namespace mailstead::mail
