#include "connectors/imap/codec/date_time.h"

#include <array>
#include <cstdio>

#include "connectors/imap/codec/syntax.h"
#include "mail/ascii.h"

namespace mailstead::imap {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> take_number(std::string_view& text, std::size_t min_digits, std::size_t max_digits) {
  std::size_t length = 0;
  while (length < text.size() && length < max_digits && mail::is_digit(text[length])) ++length;
  if (length < min_digits) return std::nullopt;
  auto value = parse_number(text.substr(0, length));
  text.remove_prefix(length);
  return static_cast<int>(*value);
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<unsigned> take_month(std::string_view& text) {
  std::string name = mail::lowered(text.substr(0, 3));
  for (unsigned i = 0; i < kMonths.size(); ++i) {
    if (mail::lowered(kMonths[i]) != name) continue;
    text.remove_prefix(3);
    return i + 1;
  }
  return std::nullopt;
}

std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
  auto day = take_number(text, 1, 2);
  if (!day || !take(text, '-')) return std::nullopt;
  auto month = take_month(text);
  if (!month || !take(text, '-')) return std::nullopt;
  auto year = take_number(text, 4, 4);
  if (!year) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

std::optional<std::chrono::seconds> take_time(std::string_view& text) {
  auto hour = take_number(text, 1, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  auto minute = take_number(text, 2, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
  auto second = take_number(text, 2, 2);
  if (!second || *second > 60) return std::nullopt;
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

std::optional<int> take_zone(std::string_view& text) {
  bool west = take(text, '-');
  if (!west && !take(text, '+')) return std::nullopt;
  auto zone = take_number(text, 4, 4);
  if (!zone || *zone % 100 > 59) return std::nullopt;
  int minutes = *zone / 100 * 60 + *zone % 100;
  return west ? -minutes : minutes;
}

}  // namespace

std::optional<mail::MessageDate> parse_date_time(std::string_view text) {
  text = mail::trim(text);
  auto date = take_date(text);
  if (!date || !take(text, ' ')) return std::nullopt;
  auto time = take_time(text);
  if (!time || !take(text, ' ')) return std::nullopt;
  auto zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;
  return mail::MessageDate{mail::WallTime(*date) + *time - std::chrono::minutes(*zone), *zone};
}

std::string format_date_time(mail::WallTime utc, int zone_minutes) {
  auto local = utc + std::chrono::minutes(zone_minutes);
  auto midnight = std::chrono::floor<std::chrono::days>(local);
  std::chrono::year_month_day date(midnight);
  std::chrono::hh_mm_ss time(local - midnight);
  int zone = zone_minutes < 0 ? -zone_minutes : zone_minutes;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%2u-%s-%04d %02d:%02d:%02d %c%02d%02d", static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1].data(), static_cast<int>(date.year()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), zone_minutes < 0 ? '-' : '+', zone / 60, zone % 60);
  return text.data();
}

std::optional<mail::WallTime> parse_search_date(std::string_view text) {
  auto date = take_date(text);
  if (!date || !text.empty()) return std::nullopt;
  return mail::WallTime(*date);
}

}  // namespace mailstead::imap
