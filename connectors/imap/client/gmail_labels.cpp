#include "connectors/imap/client/gmail_labels.h"

#include <array>
#include <string_view>
#include <utility>

#include "mail/ascii.h"
#include "mail/header.h"

namespace mailstead::imap {
namespace {

constexpr std::string_view kPrefix = "$Label_";

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kSystemLabels{{{"\\Inbox", "$Inbox"},
                                                                                       {"\\Sent", "$Sent"},
                                                                                       {"\\Important", "$Important"},
                                                                                       {"\\Starred", "\\Flagged"},
                                                                                       {"\\Draft", "\\Draft"},
                                                                                       {"\\Drafts", "\\Draft"},
                                                                                       {"\\Spam", "$Junk"},
                                                                                       {"\\Junk", "$Junk"},
                                                                                       {"\\Muted", "$Muted"},
                                                                                       {"\\Trash", "$Trash"}}};

std::string keyword_of(std::string_view label) {
  if (label.starts_with('\\')) {
    for (const auto& [name, keyword] : kSystemLabels) {
      if (mail::iequals(name, label)) return std::string(keyword);
    }
    label.remove_prefix(1);
  }
  std::string keyword(kPrefix);
  for (char c : label.substr(0, kMaxLabelLength - kPrefix.size())) {
    keyword += mail::is_keyword(std::string_view(&c, 1)) ? c : '_';
  }
  return keyword;
}

}  // namespace

void add_gmail_labels(const std::vector<std::string>& labels, const Folder& folder, mail::Flags& flags) {
  std::size_t added = 0;
  auto add = [&](std::string_view label) {
    if (!label.empty() && added++ < kMaxLabelKeywords) flags.add(keyword_of(label));
  };
  if (mail::iequals(folder.name, "INBOX")) {
    add("\\Inbox");
  } else if (folder.special_use.empty() && !folder.name.starts_with("[G")) {  // [Gmail], [Google Mail]
    add(folder.wire);
  }
  for (const std::string& label : labels) add(label);
}

}  // namespace mailstead::imap
