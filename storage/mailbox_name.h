// Names of our mailboxes: "/" between levels, INBOX in capitals whatever the case it was written in (RFC 3501 §5.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mailstead::storage {

inline constexpr char kInbox[] = "INBOX";
inline constexpr char kUndelivered[] = "Undelivered";

inline constexpr std::size_t kMaxMailboxName = 1024;
inline constexpr std::size_t kMaxMailboxLevels = 32;

// The name as it is stored; nullopt for one that cannot be: empty, an empty level, control characters (C0, DEL, C1),
// invalid UTF-8, too long or too deep.
[[nodiscard]] std::optional<std::string> canonical_mailbox_name(std::string_view name);
[[nodiscard]] bool is_below(std::string_view name, std::string_view parent) noexcept;

}  // namespace mailstead::storage
