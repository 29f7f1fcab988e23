// Sets of UIDs as ascending, disjoint, never adjacent ranges.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/types.h"

namespace mailstead::storage {

using UidRanges = std::vector<UidRange>;

[[nodiscard]] bool contains(const UidRanges& ranges, Uid uid) noexcept;
void add(UidRanges& ranges, Uid first, Uid last);
void remove(UidRanges& ranges, Uid uid);
// Drops all up to and with `through`.
void remove_through(UidRanges& ranges, Uid through);
// Drops all above `through`.
void remove_above(UidRanges& ranges, Uid through);

// Differences in variable-length integers: a few octets per range. Unreadable bytes give an empty set.
[[nodiscard]] std::string pack(const UidRanges& ranges);
[[nodiscard]] UidRanges unpack_ranges(std::string_view bytes);

}  // namespace mailstead::storage
