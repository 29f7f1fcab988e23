// SELECT and EXAMINE (RFC 3501 §6.3.1–2), in two halves so that the next command can travel with it.
#pragma once

#include <string>
#include <string_view>

#include "connectors/imap/client/session.h"

namespace mailstead::imap {

// Forgets the mailbox that was selected. `read_only`: EXAMINE, unless Session::selects_always().
// `parameter`: " (QRESYNC (…))" or "".
[[nodiscard]] Tag begin_select(Session& session, const std::string& wire_name, bool read_only,
                               std::string_view parameter = {});
// The session's mailbox() is then the new one. Throws kFolder: kTemporary with the server's words for a NO, kProtocol
// for a UIDVALIDITY or UIDNEXT that cannot be or is missing (UIDNEXT may be).
void finish_select(Session& session, Tag tag, const std::string& folder_name);
void finish_select(Session& session, Tag tag, const std::string& folder_name, ResponseHandler& handler);

}  // namespace mailstead::imap
