// Every command with the states in which it is allowed and what it may tell of changes in the mailbox.
#pragma once

#include <string_view>

#include "connectors/imap/server/conversation.h"

namespace mailstead::imap {

// RFC 3501 §7.4.1: EXPUNGE must not come while message numbers of the client are under way.
enum class Updates { kNone, kWithoutExpunge, kAll };

struct CommandEntry {
  std::string_view name;  // in capitals; UID forms as "UID FETCH"
  unsigned states = 0;
  Updates updates = Updates::kAll;
  // A Failure(kProtocol) or (kLimit) out of it is a tagged BAD, any other a tagged NO.
  Outcome (*start)(Conversation&, Request&) = nullptr;
};

// nullptr: unknown. Letters in any case.
[[nodiscard]] const CommandEntry* find_command(std::string_view name) noexcept;

}  // namespace mailstead::imap
