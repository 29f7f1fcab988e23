// Names of folders made out of what a message says. They are names in our own store or on a remote, never paths; they
// are made harmless all the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mailstead::router {

inline constexpr std::size_t kMaxFolderBytes = 1024;
inline constexpr std::size_t kMaxFolderLevels = 32;
inline constexpr std::size_t kMaxLevelBytes = 200;  // of one value from a message

// A value from a message as (part of) one level: "/" and "\" become "_", as do "%" and "*" (wildcards of LIST),
// control, format and private characters go, runs of blanks become one; at most kMaxLevelBytes.
[[nodiscard]] std::string safe_level_text(std::string_view value);

// A name for a file, out of one from a message: without the directories in front of it ("C:\\a\\b.pdf" is b.pdf) and
// the dots that would hide it, made of safe_level_text() with what shells and other systems take for more than a letter
// as
// "_", its extension kept; at most kMaxLevelBytes. "attachment" when nothing is left.
[[nodiscard]] std::string safe_file_name(std::string_view foreign);

// The whole name in NFC with its levels trimmed; nullopt when a level is empty, "." or "..", or a limit is passed.
[[nodiscard]] std::optional<std::string> safe_folder(std::string_view name);

}  // namespace mailstead::router
