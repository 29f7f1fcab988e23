#include "router/folder_name.h"

#include "mail/ascii.h"
#include "mail/unicode.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

namespace mailstead::router {
namespace {

bool is_dropped(UChar32 c) {
  switch (u_charType(c)) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_PRIVATE_USE_CHAR:
    case U_SURROGATE:
    case U_UNASSIGNED:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR: return true;
    default: return false;
  }
}

}  // namespace

std::string safe_level_text(std::string_view value) {
  std::string out;
  auto length = static_cast<int32_t>(std::min(value.size(), 8 * kMaxLevelBytes));
  bool blank = false;
  for (int32_t i = 0; i < length;) {
    int32_t start = i;
    UChar32 c = 0;
    U8_NEXT(value.data(), i, length, c);
    if (c < 0 || (c != '\t' && c != '\n' && c != '\r' && is_dropped(c))) continue;
    if (u_isUWhiteSpace(c)) {
      blank = !out.empty();
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    if (c == '/' || c == '\\' || c == '%' || c == '*') {
      out += '_';
    } else {
      out.append(value, static_cast<std::size_t>(start), static_cast<std::size_t>(i - start));
    }
  }
  return std::string(mail::trim(mail::cut(out, kMaxLevelBytes)));
}

std::string safe_file_name(std::string_view foreign) {
  constexpr std::size_t kLongestExtension = 16;
  constexpr std::string_view kMeansMore = ":?\"<>|%*";
  foreign = foreign.substr(foreign.find_last_of("/\\") + 1);  // npos + 1 is 0
  const auto dot = foreign.rfind('.');
  const bool has_extension = dot != std::string_view::npos && foreign.size() - dot <= kLongestExtension;
  std::string extension = has_extension ? safe_level_text(foreign.substr(dot)) : "";
  std::string stem = safe_level_text(foreign.substr(0, has_extension ? dot : foreign.size()));
  stem.erase(0, std::min(stem.find_first_not_of(". "), stem.size()));
  while (!extension.empty() && (extension.back() == '.' || extension.back() == ' ')) extension.pop_back();
  stem.resize(mail::cut(stem, kMaxLevelBytes - extension.size()).size());
  if (stem.empty()) stem = "attachment";
  std::string name = stem + extension;
  std::replace_if(
      name.begin(), name.end(), [&](char c) { return kMeansMore.find(c) != std::string_view::npos; }, '_');
  return name;
}

std::optional<std::string> safe_folder(std::string_view name) {
  std::string out;
  std::size_t levels = 0;
  for (std::size_t at = 0; at <= name.size();) {
    std::size_t end = std::min(name.find('/', at), name.size());
    std::string_view level = mail::trim(name.substr(at, end - at));
    if (level.empty() || level == "." || level == "..") return std::nullopt;
    if (std::any_of(level.begin(), level.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
      return std::nullopt;
    if (!out.empty()) out += '/';
    out += level;
    if (++levels > kMaxFolderLevels) return std::nullopt;
    at = end + 1;
  }
  out = mail::to_nfc(out);
  if (out.size() > kMaxFolderBytes) return std::nullopt;
  return out;
}

}  // namespace mailstead::router
