// STATUS (RFC 3501 §6.3.10) of many folders in one pipelined batch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/client/folder.h"
#include "connectors/imap/client/session.h"

namespace mailstead::imap {

struct StatusAnswer {
  std::string name;  // UTF-8
  MailboxCounts counts;
};
// One STATUS response's data; nullopt when it cannot be read. Numbers that are none are left out.
[[nodiscard]] std::optional<StatusAnswer> decode_status(std::string_view rest, bool utf8);

// Fills Folder::status of those that are selectable and have none yet; the server's NO leaves it empty. Not to be asked
// for the selected folder (RFC 3501 §6.3.10).
void ask_status(Session& session, std::vector<Folder>& folders, std::string_view items);

}  // namespace mailstead::imap
