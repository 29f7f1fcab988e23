// What was already retrieved from each account, and what is still to be done there.
//
// IMAP: per folder the UIDVALIDITY, the highest UID below which all is done, and the exceptions; not a row per message.
// POP3: a row per UIDL that is still on the server. Rows are written by accept(); the calls here are the rest.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "storage/types.h"

namespace mailstead::storage {

struct FolderProgress {
  std::uint32_t uid_validity = 0;
  Uid done_through = 0;               // all UIDs up to here are done
  std::vector<UidRange> done_beyond;  // ascending, disjoint: done above it
  std::vector<UidRange> skipped;      // below done_through or inside done_beyond, yet not fetched (too large, poison)
  ModSeq highest_modseq = 0;          // of the remote; 0 unknown
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

// A message whose source must still be touched (after_fetch).
struct Cleanup {
  Uid uid = 0;       // IMAP
  std::string uidl;  // POP3
  mail::WallTime due;
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
  // UIDVALIDITY changed: progress and pending clean-up of the folder are forgotten (fingerprints are not).
  virtual void restart_folder(const std::string& account, const std::string& folder, std::uint32_t uid_validity) = 0;
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

  // Every UIDL of the account in the ledger (retrieved or skipped).
  [[nodiscard]] virtual std::unordered_set<std::string> uidls(const std::string& account) const = 0;
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
