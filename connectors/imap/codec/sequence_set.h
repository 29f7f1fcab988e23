// Sequence sets (RFC 3501 §9): "1:4,7,9:*".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::imap {

inline constexpr std::uint32_t kStar = 0;  // "*", the largest number in use

class SequenceSet {
 public:
  struct Range {
    std::uint32_t first = 0, last = 0;  // kStar stands for "*"
    bool operator==(const Range&) const = default;
  };
  SequenceSet() = default;
  explicit SequenceSet(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}

  // nullopt for anything but a set of nz-numbers and "*"; at most `max_ranges` ranges.
  [[nodiscard]] static std::optional<SequenceSet> parse(std::string_view text, std::size_t max_ranges = 100'000);
  // Ascending, neighbours joined, from ascending or unordered numbers.
  [[nodiscard]] static SequenceSet of(std::vector<std::uint32_t> numbers);

  [[nodiscard]] const std::vector<Range>& ranges() const noexcept { return ranges_; }
  [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }
  // With "*" replaced by `largest`, order inside a range mended, sorted, overlaps joined.
  [[nodiscard]] SequenceSet resolved(std::uint32_t largest) const;
  // On a resolved set, by binary search.
  [[nodiscard]] bool contains(std::uint32_t number) const noexcept;
  [[nodiscard]] std::string text() const;
  // The same set cut into texts of at most `max_length` characters (strict servers refuse long lines).
  [[nodiscard]] std::vector<std::string> chunks(std::size_t max_length) const;

 private:
  std::vector<Range> ranges_;
};

}  // namespace mailstead::imap
