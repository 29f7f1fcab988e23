// What is done to retrieved messages on the server: delete, mark seen, add a keyword, or move (UID STORE, UID EXPUNGE
// of RFC 4315, UID MOVE of RFC 6851). In batches, by UID only, in the selected folder, which must not be read-only.
//
// Never expunges a message that was not named: without UIDPLUS the folder is expunged only when no other message is
// marked \Deleted.
#pragma once

#include <string>
#include <vector>

#include "connectors/imap/client/session.h"
#include "connectors/retrieval.h"
#include "storage/types.h"

namespace mailstead::imap {

struct CleanupOrder {
  retrieval::AfterFetch what = retrieval::AfterFetch::kKeep;
  std::string move_to;  // wire name
  std::string keyword;
  // Gmail (X-GM-EXT-1): an expunge takes away the folder's label only; deleting is done by the label \Trash.
  bool to_trash = false;
  bool move_works = true;  // false: MOVE is announced but not to be used
};

// `uids`: ascending. Answers those now done or gone already; what could not be done is told in `warnings`, printable,
// and stays due.
[[nodiscard]] std::vector<storage::Uid> clean_up(Session& session, const CleanupOrder& order,
                                                 const std::vector<storage::Uid>& uids,
                                                 std::vector<std::string>& warnings);

}  // namespace mailstead::imap
