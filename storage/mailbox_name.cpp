#include "storage/mailbox_name.h"

#include "mail/charset.h"
#include "storage/mail_store.h"

#include <strings.h>

#include <algorithm>

namespace mailstead::storage {
namespace {

bool has_control(std::string_view name) noexcept {
  for (std::size_t i = 0; i < name.size(); ++i) {
    auto octet = static_cast<unsigned char>(name[i]);
    if (octet < 0x20 || octet == 0x7f) return true;
    bool c1 = octet == 0xc2 && i + 1 < name.size() && static_cast<unsigned char>(name[i + 1]) < 0xa0;
    if (c1) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> canonical_mailbox_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxMailboxName) return std::nullopt;
  if (name.front() == kHierarchyDelimiter || name.back() == kHierarchyDelimiter) return std::nullopt;
  if (name.find("//") != std::string_view::npos || has_control(name) || !mail::is_valid_utf8(name)) return std::nullopt;
  auto levels = static_cast<std::size_t>(std::count(name.begin(), name.end(), kHierarchyDelimiter)) + 1;
  if (levels > kMaxMailboxLevels) return std::nullopt;
  std::string canonical(name);
  std::size_t first = std::min(name.find(kHierarchyDelimiter), name.size());
  if (first == 5 && ::strncasecmp(canonical.c_str(), kInbox, 5) == 0) canonical.replace(0, 5, kInbox);
  return canonical;
}

bool is_below(std::string_view name, std::string_view parent) noexcept {
  return name.size() > parent.size() + 1 && name.starts_with(parent) && name[parent.size()] == kHierarchyDelimiter;
}

}  // namespace mailstead::storage
