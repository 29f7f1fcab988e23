// Lines of the UIDL and LIST replies (RFC 1939 §5, §7).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "mail/limits.h"

namespace mailstead::pop3 {

struct UidlLine {
  std::uint32_t number = 0;
  std::string_view uidl;  // may be empty (mutt CVE-2018-14356) or odd; views into the line
};
// nullopt when the line does not begin with a message number.
[[nodiscard]] std::optional<UidlLine> parse_uidl_line(std::string_view line) noexcept;

struct ListLine {
  std::uint32_t number = 0;
  std::optional<mail::ByteCount> size;  // nullopt where the server gave none that is a number: "-1", "", 2^64
};
[[nodiscard]] std::optional<ListLine> parse_list_line(std::string_view line) noexcept;

// Whether it identifies a message: not empty, no control characters. RFC 1939 asks for 1–70 characters of
// 0x21–0x7E; longer ones and blanks inside are taken as they are.
[[nodiscard]] bool is_usable_uidl(std::string_view uidl) noexcept;

}  // namespace mailstead::pop3
