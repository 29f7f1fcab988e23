// What is in the selected folder (UID FETCH, RFC 3501 §6.4.8): UID, flags, date and, when asked, size, Message-ID and
// the server's identity of the message.
//
// Bounded: at most kMaxListed entries are kept, the lowest UIDs; the caller comes back for the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/client/session.h"
#include "connectors/imap/codec/sequence_set.h"
#include "mail/clock.h"
#include "mail/flags.h"
#include "storage/types.h"

namespace mailstead::imap {

inline constexpr std::size_t kMaxListed = 20'000;

// How a server tells one message from another over all folders.
enum class IdentityKind : std::uint8_t { kNone, kGmail, kObjectId };

struct ListingWants {
  bool sizes = false;
  bool message_ids = false;
  IdentityKind identity = IdentityKind::kNone;
};

struct Listed {
  storage::Uid uid = 0;
  std::optional<mail::ByteCount> size;
  mail::WallTime internal_date;
  bool dated = false;  // the server gave the date
  mail::Flags flags;
  std::string message_id;  // when asked for
  std::string identity;    // when asked for; "" when the server has none
  std::vector<std::string> labels;
};

// The FETCH items that tell `wants`, without UID: "FLAGS INTERNALDATE …".
[[nodiscard]] std::string listing_items(const ListingWants& wants);

class UidListing final : public ResponseHandler {
 public:
  // `to` 0: up to the newest.
  UidListing(storage::Uid from, storage::Uid to, const ListingWants& wants) : from_(from), to_(to), wants_(wants) {}
  // Only these. Not empty, at most kMaxListed.
  UidListing(const std::vector<storage::Uid>& uids, const ListingWants& wants);

  // Several commands where a set does not fit one; the tags in order.
  [[nodiscard]] std::vector<Tag> send(Session& session) const;
  // Sends and reads to the end: the first completion that is not OK, or the last.
  [[nodiscard]] Completion run(Session& session);
  // Reads to the end of what was sent.
  [[nodiscard]] Completion finish(Session& session, const std::vector<Tag>& tags);
  bool untagged(const Response& response) override;

  // Ascending, each once.
  [[nodiscard]] std::vector<Listed> take();
  // All UIDs from `from` up to here are in take(); nullopt: none was left out.
  [[nodiscard]] std::optional<storage::Uid> cut_after() const noexcept { return cut_after_; }

 private:
  void keep_lowest();
  storage::Uid from_, to_;
  std::optional<SequenceSet> only_;
  ListingWants wants_;
  storage::Uid last_seen_ = 0;
  std::size_t out_of_order_ = 0;
  std::optional<storage::Uid> cut_after_;
  std::vector<Listed> found_;
};

}  // namespace mailstead::imap
