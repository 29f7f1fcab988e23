// What was already retrieved from each account, and what is still to be done there.
//
// IMAP: per folder the UIDVALIDITY, the highest UID below which all is done, and the exceptions; not a row per message.
// POP3: a row per UIDL that is still on the server. Rows are written by accept(); the calls here are the rest.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/types.h"

namespace mailstead::storage {

struct FolderProgress {
  std::uint32_t uid_validity = 0;
  Uid done_through = 0;               // all UIDs up to here are done
  std::vector<UidRange> done_beyond;  // ascending, disjoint: done above it
  std::vector<UidRange> skipped;      // below done_through or inside done_beyond, yet not fetched (too large, poison)
  ModSeq highest_modseq = 0;          // of the remote; 0 unknown
  bool matching = false;              // restarted: what it shows is first held against what we have, see adopt()
  [[nodiscard]] bool done(Uid uid) const noexcept;
};

// A message that its server announces but does not hand over whole.
struct Trouble {
  SourceRef source;
  unsigned attempts = 0;  // failed so far
  mail::WallTime last;
  mail::WallTime next_try;
  std::string reason;         // of the last failure, printable
  bool stepped_over = false;  // counts as done (skipped) although it was not fetched
};

inline constexpr unsigned kPoisonAttempts = 3;         // from then on a message is stepped over
inline constexpr std::chrono::hours kPoisonRetry{24};  // and tried again this much later
inline constexpr std::size_t kMaxTroubleReason = 500;  // octets kept

// What is known of a retrieved POP3 message, to know it again when its server has renamed it.
struct RetrievedMessage {
  std::string uidl;
  std::string message_id;     // without angle brackets; "" when missing
  std::string from, subject;  // as of Acceptance
  mail::ByteCount size = 0;
};

// A message whose source must still be touched (after_fetch).
struct Cleanup {
  Uid uid = 0;       // IMAP
  std::string uidl;  // POP3
  mail::WallTime due;
};

// A message as its server shows it, to be told from those we have.
struct Shown {
  Uid uid = 0;                                  // IMAP
  std::string uidl;                             // POP3
  mail::ByteCount size = 0;                     // 0: unknown
  std::string message_id;                       // header, "" when missing
  std::optional<mail::WallTime> internal_date;  // nullopt: unknown (POP3)
};

// A message that is known by its identity (Acceptance::identity), seen in one more folder of its account.
struct Copy {
  SourceRef source;
  std::string identity;
  std::optional<mail::WallTime> cleanup_at;  // as in Acceptance
};

// Thread-safe; writing calls return when durable. Throws Failure(kStorage, kProcess).
class Ledger {
 public:
  virtual ~Ledger() = default;

  [[nodiscard]] virtual std::optional<FolderProgress> folder(const std::string& account,
                                                             const std::string& folder) const = 0;
  // All UIDs up to `through` were seen and are done or skipped: the exceptions below collapse. Starts the folder's row
  // if need be.
  virtual void advance(const std::string& account, const std::string& folder, std::uint32_t uid_validity, Uid through,
                       ModSeq highest_modseq) = 0;
  // UIDVALIDITY changed: progress is forgotten (fingerprints are not), pending clean-ups are set aside, and the folder
  // is `matching` from now on: until end_matching(), a message that was retrieved from it before and is accepted again
  // is known by its fingerprint, whatever the acceptance says of duplicates.
  virtual void restart_folder(const std::string& account, const std::string& folder, std::uint32_t uid_validity) = 0;
  // Which of `shown` are surely messages that we retrieved from this folder under an earlier numbering: another
  // UIDVALIDITY, or (POP3) one of the UIDLs in `gone`, which are no longer on the server. Surely: two of Message-ID,
  // size and date agree, the Message-ID among them where there is one. Each of ours is found once; it then counts as
  // done under the new UID or UIDL, and its pending clean-up goes with it. In the order of `shown`, which may be a part
  // of the folder; about a thousand are a good part.
  [[nodiscard]] virtual std::vector<bool> adopt(const std::string& account, const std::string& folder,
                                                std::uint32_t uid_validity, const std::vector<Shown>& shown,
                                                const std::unordered_set<std::string>& gone) = 0;
  // All of a `matching` folder was shown: clean-ups whose messages did not turn up are dropped.
  virtual void end_matching(const std::string& account, const std::string& folder) = 0;
  // These UIDs count as retrieved without a message. Starts the folder's row if need be.
  virtual void mark_done(const std::string& account, const std::string& folder, std::uint32_t uid_validity,
                         const std::vector<UidRange>& uids) = 0;
  // UIDNEXT went back under the same UIDVALIDITY (a backup was restored, or it lied before): UIDs above `through`, or
  // above the highest of which we know a message if that is lower, are no longer done. Clean-ups above it are dropped.
  virtual void rewind(const std::string& account, const std::string& folder, Uid through) = 0;
  // Which of these the account has retrieved, from whichever folder; "" is never known. In order.
  [[nodiscard]] virtual std::vector<bool> known_identities(const std::string& account,
                                                           const std::vector<std::string>& identities) const = 0;
  // These count as done where they were seen, with an event in the history of the message that was retrieved.
  virtual void note_copies(const std::vector<Copy>& copies, mail::WallTime now) = 0;
  // Leaves a message on the server, with a history event, without accepting it. It is not tried again until
  // forget_skipped, unless it is a trouble whose time has come. One that is accepted later is no longer skipped.
  virtual void skip(const SourceRef& source, mail::WallTime now, const std::string& reason) = 0;
  virtual void forget_skipped(const std::string& account) = 0;

  // Records one more failed attempt to retrieve a message; answers the attempts so far. From kPoisonAttempts on the
  // message is skipped, with a history event, and due again kPoisonRetry after each attempt. accept() of the message
  // forgets its trouble, as do restart_folder(), forget_uidls() and forget_skipped(). `reason`: printable.
  virtual unsigned note_trouble(const SourceRef& source, mail::WallTime now, const std::string& reason) = 0;
  // Of one account (of all: ""), by account, folder and UID or UIDL.
  [[nodiscard]] virtual std::vector<Trouble> troubles(const std::string& account) const = 0;
  // The messages were retrieved after all, or are gone. Those unknown are ignored.
  virtual void forget_troubles(const std::vector<SourceRef>& sources) = 0;

  // Every UIDL of the account in the ledger (retrieved or skipped), ascending by octets. The view lives during the
  // call; `visit` must not use the ledger.
  virtual void visit_uidls(const std::string& account,
                           const std::function<void(std::string_view uidl)>& visit) const = 0;
  // Counts them as retrieved from now on, without a message. In one transaction.
  virtual void mark_uidls(const std::string& account, const std::vector<std::string>& uidls) = 0;
  // Every retrieved message of the account whose UIDL is in the ledger; not those skipped or marked. `visit` must not
  // use the ledger.
  virtual void visit_retrieved(const std::string& account,
                               const std::function<void(const RetrievedMessage&)>& visit) const = 0;
  // The server has given messages other UIDLs: from `first` to `second`. What is pending stays so. In one transaction;
  // unknown ones are ignored.
  virtual void rename_uidls(const std::string& account,
                            const std::vector<std::pair<std::string, std::string>>& names) = 0;
  // Forgets the UIDLs that are no longer on the server.
  virtual void forget_uidls(const std::string& account, const std::vector<std::string>& gone) = 0;

  // Due at `now`, by UID or in order of acceptance.
  [[nodiscard]] virtual std::vector<Cleanup> cleanup_due(const std::string& account, const std::string& folder,
                                                         mail::WallTime now) const = 0;
  // The source was touched (or the message was gone already). A POP3 deletion also ends the UIDL's row.
  virtual void cleaned_uids(const std::string& account, const std::string& folder, const std::vector<Uid>& uids) = 0;
  virtual void cleaned_uidls(const std::string& account, const std::vector<std::string>& uidls, bool deleted) = 0;
};

}  // namespace mailstead::storage
