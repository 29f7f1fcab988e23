// A Maildir or one of its Maildir++ subfolders on disk: the held directories in which a delivery works, so that no path
// is walked twice and no symbolic link below the configured path is followed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/descriptor.h"
#include "connectors/local/file_failure.h"

namespace mailstead::local {

using connectors::Descriptor;

// The directory of a folder below the Maildir: "" for "" and INBOX, ".Lists.boost" for "Lists/boost" and "Lists.boost"
// (the dot is Maildir++'s separator on disk, so both are the same folder; a leading "INBOX/" is the Maildir itself).
// Names stay UTF-8. nullopt for what is no safe name: an empty level (so no ".."), controls, invalid UTF-8, more
// than 200 octets.
[[nodiscard]] std::optional<std::string> maildir_subdirectory(std::string_view folder);

struct MaildirFolder {
  std::string path;  // for texts
  Descriptor top, tmp, fresh, cur;

  // Opens what is there and, when `create`, makes what is missing (mode 0700) and syncs that. Throws Failure:
  // kConfiguration/kAccount when the parent does not exist, rights are missing, or `path` is a directory with other
  // things in it (a mistyped path must not sprinkle cur, new and tmp over a home directory).
  [[nodiscard]] static MaildirFolder open(const std::string& path, const std::string& subdirectory, bool create);
};

}  // namespace mailstead::local
