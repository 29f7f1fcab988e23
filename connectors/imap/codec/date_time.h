// INTERNALDATE (RFC 3501 §9 date-time): " 7-Feb-1994 21:52:25 -0800", and the date of SEARCH.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mail/clock.h"
#include "mail/date.h"

namespace mailstead::imap {

[[nodiscard]] std::optional<mail::MessageDate> parse_date_time(std::string_view text);  // without quotes
[[nodiscard]] std::string format_date_time(mail::WallTime utc, int zone_minutes = 0);   // without quotes
[[nodiscard]] std::optional<mail::WallTime> parse_search_date(std::string_view text);   // "1-Feb-1994", midnight

}  // namespace mailstead::imap
