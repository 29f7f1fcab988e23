#include "router/date_format.h"

#include <fmt/format.h>

#include <array>

namespace mailstead::router {
namespace {

using namespace std::chrono;

constexpr std::string_view kConversions = "YymdHMSjFbaGV%";
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

// ISO 8601: the week belongs to the year that its Thursday is in.
struct IsoWeek {
  int year;
  int week;
};
IsoWeek iso_week(sys_days day) {
  sys_days thursday = day - (weekday(day) - Monday) + days(3);
  year_month_day date(thursday);
  return {int(date.year()), static_cast<int>((thursday - sys_days(date.year() / January / 1)).count() / 7 + 1)};
}

std::string convert(char conversion, mail::WallTime utc) {
  sys_days day = floor<days>(utc);
  year_month_day date(day);
  hh_mm_ss time(utc - day);
  int year = int(date.year());
  switch (conversion) {
    case 'Y': return fmt::format("{:04}", year);
    case 'y': return fmt::format("{:02}", ((year % 100) + 100) % 100);
    case 'm': return fmt::format("{:02}", unsigned(date.month()));
    case 'd': return fmt::format("{:02}", unsigned(date.day()));
    case 'H': return fmt::format("{:02}", time.hours().count());
    case 'M': return fmt::format("{:02}", time.minutes().count());
    case 'S': return fmt::format("{:02}", time.seconds().count());
    case 'j': return fmt::format("{:03}", (day - sys_days(date.year() / January / 1)).count() + 1);
    case 'F': return fmt::format("{:04}-{:02}-{:02}", year, unsigned(date.month()), unsigned(date.day()));
    case 'b': return kMonths[unsigned(date.month()) - 1];
    case 'a': return kDays[weekday(day).c_encoding()];
    case 'G': return fmt::format("{:04}", iso_week(day).year);
    case 'V': return fmt::format("{:02}", iso_week(day).week);
    default: return "%";
  }
}

}  // namespace

std::string fault_of_date_format(std::string_view format) {
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (++i == format.size()) return "the date format ends in \"%\"";
    if (kConversions.find(format[i]) == std::string_view::npos)
      return "unknown conversion \"%" + std::string(1, format[i]) + "\" in a date format";
  }
  return {};
}

std::string format_date(std::string_view format, mail::WallTime utc) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%' && i + 1 < format.size()) {
      out += convert(format[++i], utc);
    } else {
      out += format[i];
    }
  }
  return out;
}

}  // namespace mailstead::router
