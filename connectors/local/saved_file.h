// Files beside each other: whole or not at all, never over one another.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::local {

// Writes the bytes into `directory`, below it into `folder` (levels separated by "/"; "" none), as `name` or, where
// that is taken, as "name (2).pdf" and so on; the file appears whole and synced, with mode 0600. Directories that are
// missing are made (0700), `directory` itself too when its parent exists; below it no symbolic link is followed.
// `folder` and `name` must be safe: no level is empty, "." or "..", the name has no "/". The result: where the file is
// now. Throws Failure as all file work of this folder does.
[[nodiscard]] std::string save_file(const std::string& directory, const std::string& folder, const std::string& name,
                                    std::string_view bytes);

}  // namespace mailstead::local
