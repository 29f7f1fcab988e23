// Tables and JSON on standard output, and whether there may be colour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mail/clock.h"

namespace mailstead::agent {

// Columns aligned by display width of their UTF-8; the last one is not padded. Cells must be printable.
class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

[[nodiscard]] std::size_t display_width(std::string_view utf8) noexcept;
// NO_COLOR and --color honoured; `descriptor` is where the output goes.
[[nodiscard]] bool use_color(const std::string& option, int descriptor);
// "2026-11-23 14:05:09" in local time; "" for nullopt.
[[nodiscard]] std::string local_time(std::optional<mail::WallTime> time);
// "1 account", "2 accounts".
[[nodiscard]] std::string counted(std::uint64_t count, const std::string& noun);
// "3m ago", "in 2m"; "" for nullopt.
[[nodiscard]] std::string relative_time(std::optional<mail::WallTime> time, mail::WallTime now);

}  // namespace mailstead::agent
