// How one content lies in a segment: a fixed header of 48 octets, then the bytes. The header lets `check`, and whoever
// must recover without the database, walk a segment from its start.
//
//   0  "MSR1"   magic          4  zeros, 4 octets      8  size of the bytes, 64 bits, little endian     16  SHA-256
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "mail/digest.h"
#include "mail/limits.h"

namespace mailstead::storage::segments {

inline constexpr mail::ByteCount kRecordHeaderSize = 48;

struct RecordHeader {
  mail::ByteCount size = 0;
  mail::Sha256 digest{};
  bool operator==(const RecordHeader&) const = default;
};

using EncodedHeader = std::array<char, kRecordHeaderSize>;
[[nodiscard]] EncodedHeader encode(const RecordHeader& header);
[[nodiscard]] std::optional<RecordHeader> decode(std::string_view bytes);

}  // namespace mailstead::storage::segments
