// QRESYNC (RFC 7162 §3.2.5): what a returning client knows of a mailbox, and what it has to be told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/server/mailbox_view.h"

namespace mailstead::imap {

// The parameter of SELECT … (QRESYNC (uidvalidity modseq [known-uids] [(numbers uids)])).
struct Resynchronization {
  std::uint32_t uid_validity = 0;
  storage::ModSeq modseq = 0;
  std::optional<SequenceSet> known;
  SequenceSet numbers, uids;  // pairwise: which UIDs some message numbers had
};

// From the opening parenthesis on. Throws Failure(kProtocol).
[[nodiscard]] Resynchronization read_resynchronization(Cursor& cursor);

// Says the UIDs `among` (all when nullptr) that were expunged since then, as VANISHED (EARLIER). What the view still
// shows is left to its own time.
void tell_vanished_earlier(const storage::MailStore& store, const MailboxView& view, storage::ModSeq since,
                           const SequenceSet* among, std::string& out);
void tell_vanished_earlier(const storage::MailStore& store, const MailboxView& view, const Resynchronization& resync,
                           std::string& out);

}  // namespace mailstead::imap
