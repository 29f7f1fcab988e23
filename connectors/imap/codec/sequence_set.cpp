#include "connectors/imap/codec/sequence_set.h"

#include <algorithm>

#include "connectors/imap/codec/syntax.h"

namespace mailstead::imap {
namespace {

std::optional<std::uint32_t> parse_seq_number(std::string_view text) {
  if (text == "*") return kStar;
  auto value = parse_number(text, UINT32_MAX);
  if (!value || *value == 0) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

void append_number(std::string& out, std::uint32_t number) {
  out += number == kStar ? "*" : std::to_string(number);
}

std::string range_text(const SequenceSet::Range& range) {
  std::string out;
  append_number(out, range.first);
  if (range.first != range.last) {
    out += ':';
    append_number(out, range.last);
  }
  return out;
}

}  // namespace

std::optional<SequenceSet> SequenceSet::parse(std::string_view text, std::size_t max_ranges) {
  std::vector<Range> ranges;
  while (true) {
    std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    std::size_t colon = item.find(':');
    auto first = parse_seq_number(item.substr(0, colon));
    auto last = colon == std::string_view::npos ? first : parse_seq_number(item.substr(colon + 1));
    if (!first || !last || ranges.size() >= max_ranges) return std::nullopt;
    ranges.push_back({*first, *last});
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  return SequenceSet(std::move(ranges));
}

SequenceSet SequenceSet::of(std::vector<std::uint32_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::vector<Range> ranges;
  for (std::uint32_t number : numbers) {
    if (number == 0) continue;
    if (!ranges.empty() && (number == ranges.back().last || number - 1 == ranges.back().last)) {
      ranges.back().last = number;
    } else {
      ranges.push_back({number, number});
    }
  }
  return SequenceSet(std::move(ranges));
}

SequenceSet SequenceSet::resolved(std::uint32_t largest) const {
  std::vector<Range> sorted;
  sorted.reserve(ranges_.size());
  for (Range range : ranges_) {
    if (range.first == kStar) range.first = largest;
    if (range.last == kStar) range.last = largest;
    if (range.first > range.last) std::swap(range.first, range.last);
    if (range.last == 0) continue;  // "*" of an empty mailbox
    range.first = std::max<std::uint32_t>(range.first, 1);
    sorted.push_back(range);
  }
  std::sort(sorted.begin(), sorted.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> joined;
  for (const Range& range : sorted) {
    bool touches = !joined.empty() && (range.first <= joined.back().last || range.first - 1 == joined.back().last);
    if (touches) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return SequenceSet(std::move(joined));
}

bool SequenceSet::contains(std::uint32_t number) const noexcept {
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), number,
                                [](std::uint32_t value, const Range& range) { return value < range.first; });
  return after != ranges_.begin() && number <= std::prev(after)->last;
}

std::string SequenceSet::text() const {
  std::string out;
  for (const Range& range : ranges_) {
    if (!out.empty()) out += ',';
    out += range_text(range);
  }
  return out;
}

std::vector<std::string> SequenceSet::chunks(std::size_t max_length) const {
  std::vector<std::string> result;
  for (const Range& range : ranges_) {
    std::string item = range_text(range);
    if (result.empty() || result.back().size() + 1 + item.size() > max_length) {
      result.push_back(std::move(item));
    } else {
      result.back() += ',';
      result.back() += item;
    }
  }
  return result;
}

}  // namespace mailstead::imap
