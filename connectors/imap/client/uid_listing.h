// What is in the selected folder from one UID on (UID FETCH, RFC 3501 §6.4.8): UID, flags, date and, when asked, size.
//
// Bounded: at most kMaxListed entries are kept, the lowest UIDs; the caller comes back for the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "connectors/imap/client/session.h"
#include "mail/clock.h"
#include "mail/flags.h"
#include "storage/types.h"

namespace mailstead::imap {

inline constexpr std::size_t kMaxListed = 20'000;

struct Listed {
  storage::Uid uid = 0;
  std::optional<mail::ByteCount> size;
  mail::WallTime internal_date;
  mail::Flags flags;
};

class UidListing final : public ResponseHandler {
 public:
  // `to` 0: up to the newest.
  UidListing(storage::Uid from, storage::Uid to, bool sizes) : from_(from), to_(to), sizes_(sizes) {}

  [[nodiscard]] Tag send(Session& session) const;
  bool untagged(const Response& response) override;

  // Ascending, each once.
  [[nodiscard]] std::vector<Listed> take();
  // All UIDs from `from` up to here are in take(); nullopt: none was left out.
  [[nodiscard]] std::optional<storage::Uid> cut_after() const noexcept { return cut_after_; }

 private:
  void keep_lowest();
  storage::Uid from_, to_;
  bool sizes_;
  storage::Uid last_seen_ = 0;
  std::optional<storage::Uid> cut_after_;
  std::vector<Listed> found_;
};

}  // namespace mailstead::imap
