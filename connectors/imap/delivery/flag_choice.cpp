#include "connectors/imap/delivery/flag_choice.h"

#include <algorithm>

#include "connectors/imap/client/response.h"

namespace mailstead::imap {
namespace {

bool keeps(const PermanentFlags& permanent, const std::string& flag) {
  if (!permanent) return true;
  const bool is_keyword = !flag.starts_with('\\');
  return std::any_of(permanent->begin(), permanent->end(),
                     [&](const std::string& kept) { return same_word(kept, flag) || (is_keyword && kept == "\\*"); });
}

}  // namespace

FlagChoice choose_flags(const mail::Flags& flags, const PermanentFlags& permanent) {
  FlagChoice choice;
  std::size_t keywords = 0;
  for (const std::string& flag : flags.names()) {
    const bool fits = flag.starts_with('\\') || ++keywords <= kMaxSentKeywords;
    if (fits && keeps(permanent, flag)) {
      choice.sent += (choice.sent.empty() ? "" : " ") + flag;
    } else {
      choice.lost.push_back(flag);
    }
  }
  return choice;
}

}  // namespace mailstead::imap
