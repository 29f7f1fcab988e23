#include "mail/units.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include "mail/ascii.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kMaxWord = 256;  // of a "did you mean"; the distance costs the product of both lengths

// Takes leading digits off `text`; nullopt when there are none or the number exceeds 63 bits.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) {
    if (number > (std::numeric_limits<std::int64_t>::max() - 9) / 10) return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

std::int64_t seconds_of(char unit) {
  switch (lower(unit)) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    case 'w': return 604800;
    default: return 0;
  }
}

// The power of 1024 that a unit means, or -1.
int power_of(std::string_view unit) {
  if (unit.empty()) return -1;
  if (unit.size() == 1 && lower(unit[0]) == 'b') return 0;
  std::size_t power = std::string_view("kmgt").find(lower(unit[0]));
  std::string rest = lowered(unit.substr(1));
  if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) return -1;
  return static_cast<int>(power) + 1;
}

}  // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::int64_t kMost = std::int64_t{100} * 366 * 86400;  // a century: sums with a date stay in range
  std::int64_t total = 0;
  text = trim(text);
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    auto number = take_number(text);
    if (!number || text.empty()) return std::nullopt;
    std::int64_t unit = seconds_of(text.front());
    if (unit == 0 || *number > static_cast<std::uint64_t>(kMost / unit)) return std::nullopt;
    total += static_cast<std::int64_t>(*number) * unit;
    if (total > kMost) return std::nullopt;
    text.remove_prefix(1);
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  }
  return std::chrono::seconds(total);
}

std::optional<ByteCount> parse_size(std::string_view text) {
  text = trim(text);
  auto number = take_number(text);
  if (!number) return std::nullopt;
  int power = power_of(trim(text));
  if (power < 0) return std::nullopt;
  unsigned shift = 10U * static_cast<unsigned>(power);
  constexpr auto kMost = static_cast<ByteCount>(std::numeric_limits<std::int64_t>::max());
  if (*number > (kMost >> shift)) return std::nullopt;
  return *number << shift;
}

std::string format_duration(std::chrono::seconds duration) {
  static constexpr std::array<std::pair<std::int64_t, char>, 4> kUnits{
      {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
  std::int64_t left = duration.count();
  std::string sign = left < 0 ? "-" : "";
  if (left < 0)
    left = left == std::numeric_limits<std::int64_t>::min() ? std::numeric_limits<std::int64_t>::max() : -left;
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    auto [unit, letter] = kUnits[i];
    if (left < unit && unit > 1) continue;
    std::string text = fmt::format("{}{}{}", sign, left / unit, letter);
    left %= unit;
    if (i + 1 < kUnits.size() && left >= kUnits[i + 1].first) {
      text += fmt::format(" {}{}", left / kUnits[i + 1].first, kUnits[i + 1].second);
    }
    return text;
  }
  return "0s";
}

std::string format_size(ByteCount bytes) {
  static constexpr std::array<std::string_view, 6> kUnits{"KB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  std::size_t unit = 0;
  double value = static_cast<double>(bytes) / 1024.0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024.0;
    ++unit;
  }
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return fmt::format("{} {}", text, kUnits[unit]);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > kMaxWord || b.size() > kMaxWord) return std::max(a.size(), b.size());
  // Three rows of the optimal string alignment: a swap of neighbours counts as one edit.
  std::array<std::array<std::size_t, kMaxWord + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& above_that = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], above_that[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace mailstead::mail
