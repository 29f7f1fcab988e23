#include "connectors/imap/client/folder_choice.h"

#include <algorithm>
#include <unordered_set>

#include "connectors/imap/client/response.h"
#include "mail/utf8.h"

namespace mailstead::imap {
namespace {

constexpr std::size_t kMaxPatterns = 50;  // beyond, one LIST of everything is cheaper
constexpr std::string_view kLeftOut[] = {"\\Junk", "\\Trash"};

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

// As written, or with the prefix of the user's own folders in front.
bool fits(const Folder& folder, const std::string& entry, const PersonalNamespace& own) {
  if (matches_folder(folder, entry)) return true;
  if (own.prefix.empty() || is_special_use(entry) || !folder.name.starts_with(own.prefix)) return false;
  Folder relative;
  relative.name = folder.name.substr(own.prefix.size());
  relative.delimiter = folder.delimiter;
  return !same_word(relative.name, "INBOX") && matches_folder(relative, entry);
}

bool fits_any(const Folder& folder, const std::vector<std::string>& entries, const PersonalNamespace& own) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const std::string& entry) { return fits(folder, entry, own); });
}

bool is_named(const Folder& folder, const FolderWish& wish) {
  return std::any_of(wish.folders.begin(), wish.folders.end(),
                     [&](const std::string& entry) { return !is_pattern(entry) && fits(folder, entry, wish.own); });
}

bool left_out_of_patterns(const Folder& folder, const FolderWish& wish) {
  if (wish.subscribed && !folder.subscribed) return true;
  // QUIRK: mbox servers, fetchmail NEWS 6.4.0: lock files listed as mailboxes.
  if (folder.name.ends_with(".lock")) return true;
  bool unwanted =
      std::any_of(std::begin(kLeftOut), std::end(kLeftOut), [&](std::string_view use) { return folder.has_use(use); });
  return unwanted && !is_named(folder, wish);
}

// What LIST understands and lists at least the same: '/' may be any delimiter, and a part of a name cannot be encoded
// by itself.
std::string list_pattern(const std::string& entry, bool utf8) {
  if (!is_pattern(entry)) return wire_name(same_word(entry, "INBOX") ? "INBOX" : entry, utf8);
  std::string pattern;
  for (char c : entry) {
    bool as_it_is = c > ' ' && c <= '~' && c != '&' && c != '?' && c != '/' && c != '"' && c != '\\' && c != '%';
    char wanted = as_it_is ? c : '*';
    if (wanted != '*' || pattern.empty() || pattern.back() != '*') pattern += wanted;
  }
  return pattern;
}

}  // namespace

bool is_pattern(std::string_view entry) noexcept {
  return entry.find_first_of("*?") != std::string_view::npos;
}

bool is_special_use(std::string_view entry) noexcept {
  return entry.starts_with('\\');
}

bool matches_folder(const Folder& folder, std::string_view entry) {
  if (is_special_use(entry)) return folder.has_use(entry);
  std::string wanted = with_inbox_upper(entry), name = with_inbox_upper(folder.name);
  if (glob(name, wanted)) return true;
  if (folder.delimiter == '\0' || folder.delimiter == '/') return false;
  std::replace(name.begin(), name.end(), folder.delimiter, '/');
  return glob(name, wanted);
}

bool is_names_only(const FolderWish& wish) {
  auto is_name = [](const std::string& entry) { return !is_pattern(entry) && !is_special_use(entry); };
  return std::all_of(wish.folders.begin(), wish.folders.end(), is_name) &&
         std::none_of(wish.only.begin(), wish.only.end(), is_special_use);
}

bool minds_prefix(const FolderWish& wish) {
  auto minds = [](const std::string& entry) {
    return !same_word(entry, "INBOX") && !is_special_use(entry) && !entry.starts_with('*');
  };
  auto any = [&](const std::vector<std::string>& entries) {
    return std::any_of(entries.begin(), entries.end(), minds);
  };
  return any(wish.folders) || any(wish.excluded) || any(wish.only);
}

std::vector<std::string> list_patterns(const FolderWish& wish, bool utf8) {
  std::vector<std::string> entries = wish.folders, patterns;
  for (const std::string& entry : wish.folders) {
    if (wish.own.prefix.empty() || same_word(entry, "INBOX") || is_special_use(entry)) continue;
    std::string below = entry;
    if (wish.own.delimiter != '\0') std::replace(below.begin(), below.end(), '/', wish.own.delimiter);
    entries.push_back(wish.own.prefix + below);
  }
  std::unordered_set<std::string> taken;
  for (const std::string& entry : entries) {
    // Special uses may be anywhere, and with few entries more it is the same.
    std::string pattern = is_special_use(entry) ? "*" : list_pattern(entry, utf8);
    if (pattern == "*" || patterns.size() == kMaxPatterns) return {"*"};
    if (taken.insert(pattern).second) patterns.push_back(std::move(pattern));
  }
  return patterns;
}

std::vector<Folder> choose_folders(const std::vector<Folder>& listed, const FolderWish& wish, bool utf8) {
  std::vector<Folder> chosen;
  std::unordered_set<std::string> taken;
  auto take = [&](const Folder& folder) {
    if (!folder.selectable || fits_any(folder, wish.excluded, wish.own)) return;
    if (!wish.only.empty() && !fits_any(folder, wish.only, wish.own)) return;
    if (taken.insert(folder.name).second) chosen.push_back(folder);
  };
  for (const std::string& entry : wish.folders) {
    bool found = false;
    for (const Folder& folder : listed) {
      if (!fits(folder, entry, wish.own)) continue;
      found = true;
      if (!is_pattern(entry) || !left_out_of_patterns(folder, wish)) take(folder);
    }
    if (!found && !is_pattern(entry) && !is_special_use(entry)) take(folder_named(entry, utf8));
  }
  return chosen;
}

std::string why_left_out(const Folder& folder, const FolderWish& wish) {
  if (!folder.selectable) return "holds folders only";
  if (!fits_any(folder, wish.folders, wish.own)) return "not among \"folders\"";
  if (fits_any(folder, wish.excluded, wish.own)) return "excluded";
  const bool by_pattern_only = std::none_of(wish.folders.begin(), wish.folders.end(), [&](const std::string& entry) {
    return !is_pattern(entry) && fits(folder, entry, wish.own);
  });
  if (!by_pattern_only || !left_out_of_patterns(folder, wish)) return {};
  if (wish.subscribed && !folder.subscribed) return "not subscribed";
  for (std::string_view use : kLeftOut)
    if (folder.has_use(use)) return std::string(use.substr(1)) + ", which no pattern takes";
  return "a lock file";
}

}  // namespace mailstead::imap
