// File names as people write them, and small files.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace mailstead::agent {

// $HOME, else the password database; "" when neither knows.
[[nodiscard]] std::string home_directory();
// "~" and "~/…" replaced, relative names counted from `directory`; absolute and normalised.
[[nodiscard]] std::string resolve_path(const std::string& written, const std::string& directory);
// Where the data go when nothing says so: systemd's $STATE_DIRECTORY, /var/lib for root, else the user's own.
[[nodiscard]] std::string default_data_directory();

// The file whole, if it has at most `limit` octets and is a file (or a pipe); else `why` says what is wrong.
[[nodiscard]] std::optional<std::string> read_small_file(const std::string& path, std::size_t limit,
                                                         bool& others_may_read, std::string& why);

}  // namespace mailstead::agent
