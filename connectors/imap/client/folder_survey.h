// "Anything new?" for all wanted folders of an account at once: which of them have to be opened.
//
// One round trip where the server offers LIST-STATUS, and for names without it (one batch of STATUS); two for patterns
// without it. None for a single name: opening it tells the same. One more for NAMESPACE, once and for all.
#pragma once

#include <string>
#include <vector>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/folder_choice.h"
#include "connectors/imap/client/folder_poll.h"
#include "connectors/imap/client/session.h"

namespace mailstead::imap {

// Fills wish.own; asks once.
void learn_namespace(Session& session, FolderWish& wish, AccountMemory& memory);

// The wanted folders, with Folder::status where it was asked for. `selected`: a folder that is selected now: what
// STATUS says of that one is not to be relied upon (RFC 3501 §6.3.10), it has none.
[[nodiscard]] std::vector<Folder> survey_folders(Session& session, FolderWish wish, const std::string& selected,
                                                 AccountMemory& memory);

// Whether it has to be opened: new messages by UIDNEXT, another UIDVALIDITY, left-over clean-up, a walk that a limit
// ended, or nothing known. With QRESYNC the server's HIGHESTMODSEQ is no reason: flags are not followed.
[[nodiscard]] bool needs_visit(const Folder& folder, const PollRun& run);

}  // namespace mailstead::imap
