// Which flags and keywords of a message a folder keeps (PERMANENTFLAGS, RFC 3501 §7.1). Pure.
#pragma once

#include <string>
#include <vector>

#include "connectors/imap/delivery/connection.h"
#include "mail/flags.h"

namespace mailstead::imap {

inline constexpr std::size_t kMaxSentKeywords = 100;

struct FlagChoice {
  std::string sent;               // as APPEND takes them, without parentheses
  std::vector<std::string> lost;  // what the folder does not keep, or what is too much
};

// Without PERMANENTFLAGS all may be kept; with "\\*" among them new keywords may be made.
[[nodiscard]] FlagChoice choose_flags(const mail::Flags& flags, const PermanentFlags& permanent);

}  // namespace mailstead::imap
