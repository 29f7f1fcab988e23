// Which folders an account has (LIST, RFC 3501 §6.3.8, §7.2.2; special use RFC 6154) and which of them are wanted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/client/session.h"

namespace mailstead::imap {

struct Folder {
  std::string name;  // UTF-8, with the server's delimiter
  std::string wire;  // as the server writes it
  char delimiter = '\0';
  bool selectable = true;
  std::string special_use;  // "\\Sent", or empty
};

// A name that nobody asked the server for.
[[nodiscard]] Folder folder_named(const std::string& utf8);
// One LIST response's data; nullopt when it cannot be read.
[[nodiscard]] std::optional<Folder> decode_list(std::string_view rest);
// All folders, by name. Throws kLimit above 20,000.
[[nodiscard]] std::vector<Folder> list_folders(Session& session);

// `*` any text, `?` one character; '/' stands for the folder's delimiter too. INBOX in any case.
[[nodiscard]] bool matches_folder(const Folder& folder, std::string_view pattern);
[[nodiscard]] bool is_pattern(std::string_view name) noexcept;

// Names and patterns in the order written, without the excluded and the unselectable. LIST is asked only if there is a
// pattern.
[[nodiscard]] std::vector<Folder> wanted_folders(Session& session, const std::vector<std::string>& folders,
                                                 const std::vector<std::string>& excluded);

}  // namespace mailstead::imap
