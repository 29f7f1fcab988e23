// Dates of messages (RFC 5322 §3.3, §4.3 and the usual wrong ones).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mail/clock.h"

namespace mailstead::mail {

struct MessageDate {
  WallTime utc;
  int zone_minutes = 0;  // east of Greenwich; 0 when unknown
  bool operator==(const MessageDate&) const = default;
};

// Accepts also: no day name, wrong day name, two- and three-digit years (§4.3), missing seconds, names of zones,
// ISO 8601, ctime form, dots or dashes as separators, comments. nullopt when no date can be made out.
[[nodiscard]] std::optional<MessageDate> parse_date(std::string_view value);
[[nodiscard]] std::string format_date(WallTime utc, int zone_minutes = 0);  // "Mon, 02 Jan 2006 15:04:05 +0000"

}  // namespace mailstead::mail
