// Sizes and durations as the configuration writes them and people read them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "mail/limits.h"

namespace mailstead::mail {

[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);  // "90s" "5m" "2h" "30d" "2w"
[[nodiscard]] std::optional<ByteCount> parse_size(std::string_view text);  // "512B" "512KB" "25MB" "1GB"; × 1024
[[nodiscard]] std::string format_duration(std::chrono::seconds duration);  // "1h 5m", "42s"
[[nodiscard]] std::string format_size(ByteCount bytes);                    // "1.5 MB"

// The candidate nearest to `word` for a "did you mean" (Damerau-Levenshtein, at most a third of its length off); "" if
// none.
template <typename Range>
[[nodiscard]] std::string nearest(std::string_view word, const Range& candidates);
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

template <typename Range>
std::string nearest(std::string_view word, const Range& candidates) {
  std::string best;
  std::size_t best_distance = word.size() / 3 + 1;
  for (const auto& candidate : candidates) {
    std::size_t distance = edit_distance(word, candidate);
    if (distance <= best_distance && (best.empty() || distance < best_distance)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace mailstead::mail
