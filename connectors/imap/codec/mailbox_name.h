// Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3) and list wildcards (§6.3.8).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mailstead::imap {

[[nodiscard]] std::string to_modified_utf7(std::string_view utf8);
// nullopt when the text is not canonical modified UTF-7; the caller may then take it as UTF-8 (some servers send it
// raw).
[[nodiscard]] std::optional<std::string> from_modified_utf7(std::string_view text);

// Pattern of LIST: "*" matches anything, "%" anything but the delimiter. INBOX without regard to case. Linear-ish: no
// exponential patterns.
[[nodiscard]] bool matches_list_pattern(std::string_view name, std::string_view pattern, char delimiter) noexcept;

}  // namespace mailstead::imap
