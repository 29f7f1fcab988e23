// Dates in names of folders and in headers: the conversions of strftime that do not depend on a locale.
#pragma once

#include <string>
#include <string_view>

#include "mail/clock.h"

namespace mailstead::router {

inline constexpr const char* kDateFormatHint =
    "there are %Y %y %m %d %H %M %S %j %F %b %a, %G and %V (ISO week), and %%";

// What is wrong with the format, or "".
[[nodiscard]] std::string fault_of_date_format(std::string_view format);
[[nodiscard]] std::string format_date(std::string_view format, mail::WallTime utc);

}  // namespace mailstead::router
