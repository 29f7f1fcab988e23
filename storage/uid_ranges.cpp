#include "storage/uid_ranges.h"

#include "storage/packing.h"

#include <algorithm>
#include <limits>

namespace mailstead::storage {
namespace {

// The first range that ends at or after `uid`.
auto first_reaching(UidRanges& ranges, Uid uid) {
  return std::lower_bound(ranges.begin(), ranges.end(), uid,
                          [](const UidRange& range, Uid value) { return range.last < value; });
}

}  // namespace

bool contains(const UidRanges& ranges, Uid uid) noexcept {
  auto at = std::lower_bound(ranges.begin(), ranges.end(), uid,
                             [](const UidRange& range, Uid value) { return range.last < value; });
  return at != ranges.end() && at->first <= uid;
}

void add(UidRanges& ranges, Uid first, Uid last) {
  auto at = first_reaching(ranges, first > 0 ? first - 1 : 0);
  auto end = at;
  while (end != ranges.end() && (last == std::numeric_limits<Uid>::max() || end->first <= last + 1)) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
    ++end;
  }
  if (at == end) {
    ranges.insert(at, UidRange{first, last});
    return;
  }
  *at = UidRange{first, last};
  ranges.erase(at + 1, end);
}

void remove(UidRanges& ranges, Uid uid) {
  auto at = first_reaching(ranges, uid);
  if (at == ranges.end() || at->first > uid) return;
  UidRange range = *at;
  if (range.first == range.last) {
    ranges.erase(at);
  } else if (uid == range.first) {
    ++at->first;
  } else if (uid == range.last) {
    --at->last;
  } else {
    at->last = uid - 1;
    ranges.insert(at + 1, UidRange{uid + 1, range.last});
  }
}

void remove_through(UidRanges& ranges, Uid through) {
  auto at = first_reaching(ranges, through);
  if (at != ranges.end() && at->first <= through) {
    if (at->last == through) {
      ++at;
    } else {
      at->first = through + 1;
    }
  }
  ranges.erase(ranges.begin(), at);
}

void remove_above(UidRanges& ranges, Uid through) {
  while (!ranges.empty() && ranges.back().first > through) ranges.pop_back();
  if (!ranges.empty()) ranges.back().last = std::min(ranges.back().last, through);
}

std::string pack(const UidRanges& ranges) {
  Packer packer;
  Uid before = 0;
  for (const UidRange& range : ranges) {
    packer.integer(range.first - before).integer(range.last - range.first);
    before = range.last;
  }
  return packer.take();
}

UidRanges unpack_ranges(std::string_view bytes) {
  UidRanges ranges;
  Unpacker unpacker(bytes);
  std::uint64_t before = 0;
  while (!unpacker.done()) {
    std::uint64_t first = before + unpacker.integer();
    std::uint64_t last = first + unpacker.integer();
    if (!unpacker.ok() || first == 0 || last < first || last > std::numeric_limits<Uid>::max()) return {};
    ranges.push_back({static_cast<Uid>(first), static_cast<Uid>(last)});
    before = last;
  }
  return ranges;
}

}  // namespace mailstead::storage
