// Goes through the selected mailbox in slices and gathers the messages that match: what SEARCH says, SORT orders and
// THREAD arranges.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "connectors/imap/server/conversation.h"
#include "connectors/imap/server/search_key.h"

namespace mailstead::imap {

// When opens_too_often().
[[nodiscard]] inline Answer too_costly_search() {
  return no("[LIMIT] Too many search keys that read the messages.");
}

class SearchScan {
 public:
  SearchScan(Conversation& session, SearchKey root);
  // A slice that does not hold its worker for long. True when all was looked at.
  [[nodiscard]] bool advance();
  // Positions in the view, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& found() const noexcept { return found_; }

 private:
  void load_facts();

  Conversation& session_;
  SearchKey root_;
  bool needs_facts_;
  std::size_t next_ = 0, facts_begin_ = 0, facts_end_ = 0;
  std::vector<std::optional<storage::StoredMessage>> facts_;
  std::vector<std::uint32_t> found_;
};

}  // namespace mailstead::imap
