#include "mail/flags.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mail/ascii.h"
#include "mail/header.h"

namespace mailstead::mail {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint8_t>, 5> kSystemFlags{{{"\\Answered", kAnswered},
                                                                                 {"\\Flagged", kFlagged},
                                                                                 {"\\Deleted", kDeleted},
                                                                                 {"\\Seen", kSeen},
                                                                                 {"\\Draft", kDraft}}};

std::uint8_t system_flag(std::string_view name) noexcept {
  for (const auto& [known, flag] : kSystemFlags) {
    if (iequals(known, name)) return flag;
  }
  return 0;
}

bool less_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return lower(x) < lower(y); });
}

}  // namespace

bool is_keyword(std::string_view name) noexcept {
  if (name.empty() || name.size() > 128) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c < '\x7f' && std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
  });
}

bool Flags::has_keyword(std::string_view keyword) const noexcept {
  auto at = std::lower_bound(keywords.begin(), keywords.end(), keyword, less_ignoring_case);
  return at != keywords.end() && iequals(*at, keyword);
}

bool Flags::add(std::string_view name) {
  if (std::uint8_t flag = system_flag(name); flag != 0) {
    system = static_cast<std::uint8_t>(system | flag);
    return true;
  }
  if (!is_keyword(name)) return false;
  auto at = std::lower_bound(keywords.begin(), keywords.end(), name, less_ignoring_case);
  if (at == keywords.end() || !iequals(*at, name)) keywords.emplace(at, name);
  return true;
}

bool Flags::remove(std::string_view name) {
  if (std::uint8_t flag = system_flag(name); flag != 0) {
    system = static_cast<std::uint8_t>(system & ~flag);
    return true;
  }
  if (!is_keyword(name)) return false;
  auto at = std::lower_bound(keywords.begin(), keywords.end(), name, less_ignoring_case);
  if (at != keywords.end() && iequals(*at, name)) keywords.erase(at);
  return true;
}

std::vector<std::string> Flags::names() const {
  std::vector<std::string> names;
  for (const auto& [name, flag] : kSystemFlags) {
    if (has(flag)) names.emplace_back(name);
  }
  names.insert(names.end(), keywords.begin(), keywords.end());
  return names;
}

}  // namespace mailstead::mail
