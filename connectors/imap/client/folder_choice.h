// Which of an account's folders are wanted: names, patterns, special uses and subscription as the configuration writes
// them. Pure.
//
// A name is a name; `*` any text, `?` one character; '/' stands for the folder's delimiter too; INBOX in any case. A
// special use ("\\Sent", RFC 6154) means the folders that have it. A pattern leaves out what is \Junk or \Trash unless
// that is asked for by name or use, and the ".lock" files that some servers list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/client/folder.h"
#include "connectors/imap/client/personal_namespace.h"

namespace mailstead::imap {

struct FolderWish {
  std::vector<std::string> folders{}, excluded{};
  bool subscribed = false;          // patterns take subscribed folders only
  PersonalNamespace own{};          // entries may be written without its prefix
  std::vector<std::string> only{};  // of those, only these (names, patterns or uses); empty: all
};

[[nodiscard]] bool is_pattern(std::string_view entry) noexcept;
[[nodiscard]] bool is_special_use(std::string_view entry) noexcept;
[[nodiscard]] bool matches_folder(const Folder& folder, std::string_view entry);

// The names, when the wish consists of nothing else: then no LIST is needed to know the folders.
[[nodiscard]] bool is_names_only(const FolderWish& wish);
// Whether the prefix of the user's own folders could make a difference.
[[nodiscard]] bool minds_prefix(const FolderWish& wish);
// Patterns for LIST that list at least what is wanted. `utf8`: Session::utf8_names().
[[nodiscard]] std::vector<std::string> list_patterns(const FolderWish& wish, bool utf8);

// In the order of the wish, each once, selectable, with what LIST told of it. A name that is not listed is taken as it
// stands: the server will say why it cannot be selected.
[[nodiscard]] std::vector<Folder> choose_folders(const std::vector<Folder>& listed, const FolderWish& wish, bool utf8);
// In a few words why a listed folder is not among them; "" when it is.
[[nodiscard]] std::string why_left_out(const Folder& folder, const FolderWish& wish);

}  // namespace mailstead::imap
