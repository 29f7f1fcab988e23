// The messages of one folder that were announced and not handed over whole (storage::Trouble): which of them this poll
// asks for alone, after all others have come in, and what is written down of new failures.
#pragma once

#include <string>
#include <vector>

#include "mail/clock.h"
#include "storage/ledger.h"

namespace mailstead::imap {

// What a server may leave out of one poll before it is the folder that is broken, not a message.
inline constexpr std::size_t kMaxTroublesPerPoll = 100;

class FolderTroubles {
 public:
  FolderTroubles(storage::Ledger& ledger, const storage::SourceRef& folder, mail::WallTime now)
      : ledger_(ledger), folder_(folder), now_(now) {}

  // What is known of the folder under this UIDVALIDITY.
  void load(std::uint32_t uid_validity);
  // To be left out of the ordinary download.
  [[nodiscard]] bool holds(storage::Uid uid) const noexcept;
  [[nodiscard]] bool any_in(storage::Uid first, storage::Uid last) const noexcept;
  // Whether it counts as done until it comes after all.
  [[nodiscard]] bool stepped_over(storage::Uid uid) const noexcept;
  // Those to be tried in this poll, ascending.
  [[nodiscard]] std::vector<storage::Uid> due() const;

  // One more failure. True when the message is stepped over from now on.
  // Throws Failure(kFolder) when too many have failed in this poll.
  bool note(storage::Uid uid, const std::string& reason);
  // They are no longer on the server.
  void gone(const std::vector<storage::Uid>& uids);

 private:
  [[nodiscard]] storage::SourceRef source(storage::Uid uid) const;
  [[nodiscard]] const storage::Trouble* find(storage::Uid uid) const noexcept;

  storage::Ledger& ledger_;
  storage::SourceRef folder_;
  mail::WallTime now_;
  std::vector<storage::Trouble> known_;  // by UID
  std::size_t noted_ = 0;
};

}  // namespace mailstead::imap
