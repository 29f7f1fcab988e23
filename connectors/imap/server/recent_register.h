// Which messages are \Recent (RFC 3501 §2.3.2), remembered for the life of the process: the first session that selects
// a mailbox read-write, or that has it selected when a message arrives, sees it as recent; no other does.
// After a restart the first such session sees all of them so, which the RFC asks for when it cannot be known.
#pragma once

#include <map>
#include <mutex>

#include "storage/types.h"

namespace mailstead::imap {

// Thread-safe. One small row per mailbox ever selected.
class RecentRegister {
 public:
  // The caller has been told of all UIDs below `next`; those from the result on are its own.
  [[nodiscard]] storage::Uid claim(storage::MailboxId mailbox, storage::Uid next) {
    std::lock_guard lock(mutex_);
    storage::Uid& boundary = boundaries_.try_emplace(mailbox, 1).first->second;
    storage::Uid first = boundary;
    if (next > boundary) boundary = next;
    return first;
  }
  [[nodiscard]] storage::Uid peek(storage::MailboxId mailbox) const {
    std::lock_guard lock(mutex_);
    auto found = boundaries_.find(mailbox);
    return found == boundaries_.end() ? 1 : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<storage::MailboxId, storage::Uid> boundaries_;
};

}  // namespace mailstead::imap
