#include "storage/segments/record.h"

#include <algorithm>
#include <cstdint>

namespace mailstead::storage::segments {
namespace {

constexpr std::string_view kMagic("MSR1\0\0\0\0", 8);
constexpr std::size_t kSizeAt = 8;
constexpr std::size_t kDigestAt = 16;

}  // namespace

EncodedHeader encode(const RecordHeader& header) {
  EncodedHeader bytes{};
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  for (unsigned i = 0; i < 8; ++i) bytes[kSizeAt + i] = static_cast<char>(header.size >> (8 * i));
  std::copy(header.digest.begin(), header.digest.end(), bytes.begin() + kDigestAt);
  return bytes;
}

std::optional<RecordHeader> decode(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderSize || !bytes.starts_with(kMagic)) return std::nullopt;
  RecordHeader header;
  for (unsigned i = 0; i < 8; ++i) {
    header.size |= mail::ByteCount{static_cast<std::uint8_t>(bytes[kSizeAt + i])} << (8 * i);
  }
  std::copy_n(bytes.begin() + kDigestAt, header.digest.size(), header.digest.begin());
  return header;
}

}  // namespace mailstead::storage::segments
