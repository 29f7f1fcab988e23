#include "connectors/imap/client/list_folders.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/mailbox_name.h"
#include "mail/ascii.h"
#include "mail/failure.h"
#include "mail/utf8.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxFolders = 20'000;
constexpr std::array<std::string_view, 7> kSpecialUses{"\\all",  "\\archive", "\\drafts", "\\flagged",
                                                       "\\junk", "\\sent",    "\\trash"};

class ListHandler final : public ResponseHandler {
 public:
  bool untagged(const Response& response) override {
    if (!response.is_data("LIST")) return false;
    auto folder = decode_list(response.rest);
    if (!folder) return false;
    if (folders.size() >= kMaxFolders) {
      throw Failure(FailureKind::kLimit, FailureScope::kSession,
                    "the server lists more than " + std::to_string(kMaxFolders) + " folders");
    }
    folders.push_back(std::move(*folder));
    return true;
  }
  std::vector<Folder> folders;
};

char read_delimiter(Cursor& cursor) {
  auto text = cursor.expect_nstring();
  return text && text->size() == 1 ? text->front() : '\0';
}

std::string read_name(Cursor& cursor) {
  Cursor attempt = cursor;
  try {
    std::string name = attempt.expect_astring();
    attempt.skip_spaces();
    if (attempt.at_end() || attempt.peek() == '(') return name;
  } catch (const Failure&) {
  }
  // QUIRK: Exchange, getmail _retrieverbases.py:361: a name with blanks and without its opening quote.
  std::string_view bare = mail::trim(cursor.rest());
  if (bare.starts_with('"')) bare.remove_prefix(1);
  if (bare.ends_with('"')) bare.remove_suffix(1);
  return std::string(bare);
}

bool glob(std::string_view text, std::string_view pattern) {
  std::size_t t = 0, p = 0, star = std::string_view::npos, resume = 0;
  auto step = [&](std::size_t at) { return std::max<std::size_t>(1, mail::next_code_point(text.substr(at)).length); };
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += step(t);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string with_inbox_upper(std::string_view name) {
  std::string result(name);
  if (name.size() >= 5 && same_word(name.substr(0, 5), "INBOX")) result.replace(0, 5, "INBOX");
  return result;
}

bool is_excluded(const Folder& folder, const std::vector<std::string>& excluded) {
  return std::any_of(excluded.begin(), excluded.end(),
                     [&](const std::string& pattern) { return matches_folder(folder, pattern); });
}

}  // namespace

Folder folder_named(const std::string& utf8) {
  Folder folder;
  folder.name = same_word(utf8, "INBOX") ? "INBOX" : utf8;
  folder.wire = to_modified_utf7(folder.name);
  return folder;
}

std::optional<Folder> decode_list(std::string_view rest) {
  Cursor cursor(rest);
  Folder folder;
  try {
    for (const std::string& attribute : cursor.expect_flag_list()) {
      std::string name = mail::lowered(attribute);
      if (name == "\\noselect" || name == "\\nonexistent") folder.selectable = false;
      if (std::find(kSpecialUses.begin(), kSpecialUses.end(), name) != kSpecialUses.end()) {
        folder.special_use = attribute;
      }
    }
    cursor.skip_spaces();
    folder.delimiter = read_delimiter(cursor);
    cursor.skip_spaces();
    folder.wire = read_name(cursor);
  } catch (const Failure&) {
    return std::nullopt;
  }
  if (folder.wire.empty() || folder.wire.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return std::nullopt;
  }
  // Servers that send raw UTF-8, or text that only looks like the encoding, are taken at their word.
  folder.name = from_modified_utf7(folder.wire).value_or(folder.wire);
  if (same_word(folder.name, "INBOX")) folder.name = "INBOX";
  return folder;
}

std::vector<Folder> list_folders(Session& session) {
  ListHandler handler;
  Completion end = session.run(CommandText(R"(LIST "" "*")"), handler);
  if (!end.ok()) {
    throw Failure(FailureKind::kTemporary, FailureScope::kAccount, "the server does not list its folders: " + end.text);
  }
  auto by_name = [](const Folder& a, const Folder& b) { return a.name < b.name; };
  auto same_name = [](const Folder& a, const Folder& b) { return a.name == b.name; };
  std::stable_sort(handler.folders.begin(), handler.folders.end(), by_name);
  handler.folders.erase(std::unique(handler.folders.begin(), handler.folders.end(), same_name), handler.folders.end());
  return std::move(handler.folders);
}

bool matches_folder(const Folder& folder, std::string_view pattern) {
  std::string wanted = with_inbox_upper(pattern), name = with_inbox_upper(folder.name);
  if (glob(name, wanted)) return true;
  if (folder.delimiter == '\0' || folder.delimiter == '/') return false;
  std::replace(name.begin(), name.end(), folder.delimiter, '/');
  return glob(name, wanted);
}

bool is_pattern(std::string_view name) noexcept {
  return name.find_first_of("*?") != std::string_view::npos;
}

std::vector<Folder> wanted_folders(Session& session, const std::vector<std::string>& folders,
                                   const std::vector<std::string>& excluded) {
  std::vector<Folder> listed, wanted;
  std::unordered_set<std::string> taken;
  if (std::any_of(folders.begin(), folders.end(), [](const std::string& f) { return is_pattern(f); })) {
    listed = list_folders(session);
  }
  auto take = [&](const Folder& folder) {
    if (folder.selectable && !is_excluded(folder, excluded) && taken.insert(folder.name).second) {
      wanted.push_back(folder);
    }
  };
  for (const std::string& folder : folders) {
    if (!is_pattern(folder)) {
      take(folder_named(folder));
      continue;
    }
    for (const Folder& candidate : listed) {
      if (matches_folder(candidate, folder)) take(candidate);
    }
  }
  return wanted;
}

}  // namespace mailstead::imap
