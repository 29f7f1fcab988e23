// Template body of mail/content.h.
#pragma once

#include <algorithm>
#include <array>

namespace mailstead::mail {

template <typename Visit>
void for_each_chunk(const Content& content, ByteCount offset, ByteCount length, Visit&& visit) {
  if (auto whole = content.in_memory()) {
    if (offset < whole->size()) visit(whole->substr(offset, length));
    return;
  }
  auto buffer = std::make_unique<std::array<char, 64_KiB>>();
  while (length > 0) {
    auto want = static_cast<std::size_t>(std::min<ByteCount>(length, buffer->size()));
    std::size_t got = content.read(offset, std::span<char>(buffer->data(), want));
    if (got == 0) return;
    visit(std::string_view(buffer->data(), got));
    offset += got;
    length -= got;
  }
}

}  // namespace mailstead::mail
