// The messages that several connections download together, handed out in shares: large ones at first, smaller ones
// towards the end, so that a slow connection does not hold up the rest.
//
// What a helper could not fetch comes back and is the first connection's.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

#include "connectors/imap/client/uid_listing.h"

namespace mailstead::imap {

inline constexpr std::size_t kSmallestShare = 50;

// Thread-safe. `messages` outlives it.
class ShareQueue {
 public:
  ShareQueue(const std::vector<Listed>& messages, std::size_t takers) : messages_(messages), takers_(takers) {}

  // A share for the first connection, ascending; waits for what helpers may still give back. Empty: all is done.
  [[nodiscard]] std::vector<Listed> take();
  // A share for a helper, to be followed by give_back(). Empty: there is none, or the queue is closed.
  [[nodiscard]] std::vector<Listed> take_for_helper();
  // The helper's share is over. `rest`: of it, not fetched and innocent; `last`: what failed, each to be asked for
  // alone when everything else is done.
  void give_back(std::vector<Listed> rest, std::vector<Listed> last);
  // Helpers get nothing more.
  void close();

 private:
  [[nodiscard]] std::vector<Listed> next_share();

  const std::vector<Listed>& messages_;
  const std::size_t takers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t with_helpers_ = 0;  // shares
  std::deque<std::vector<Listed>> returned_;
  std::deque<Listed> last_;
  bool closed_ = false;
};

}  // namespace mailstead::imap
