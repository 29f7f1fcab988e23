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
  // Not ruled out by what the view knows; `open`: its facts must be looked at.
  struct Pending {
    std::uint32_t position;
    bool open;
  };
  // Finds the next of them; how many messages were looked at.
  [[nodiscard]] mail::ByteCount look_ahead();
  void leave_out_those_without_facts();

  Conversation& session_;
  SearchKey root_;
  std::size_t next_ = 0;
  std::vector<Pending> pending_;
  std::vector<std::optional<storage::StoredMessage>> facts_;  // of those that are open, in order
  std::size_t at_ = 0, facts_at_ = 0;
  std::vector<std::uint32_t> found_;
};

}  // namespace mailstead::imap
