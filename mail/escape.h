// The one way by which foreign text (a peer's words, a header, a file name) reaches a log, a terminal or a report.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::mail {

// One printable line of valid UTF-8: C0, DEL, C1, bidi controls, line separators and invalid bytes become \xNN or
// \u{NNNN}, a backslash stays; at most `limit` octets, cut at a character with "…".
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 1024);

}  // namespace mailstead::mail
