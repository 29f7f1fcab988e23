// One folder in one poll: select, left-over clean-up, what is new by the ledger, bodies to the sink, then clean-up of
// what became durable and the ledger's advance.
//
// The folder is walked in windows of at most kMaxListed messages; after each the sink is flushed, so that memory and
// the work lost by a crash stay bounded. On a Failure all that was flushed stays done.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/body_download.h"
#include "connectors/imap/client/folder.h"
#include "connectors/imap/client/session.h"
#include "connectors/imap/client/uid_listing.h"
#include "connectors/retrieval.h"

namespace mailstead::imap {

// One poll, shared by its folders. References outlive it.
struct PollRun {
  const retrieval::AccountSettings& settings;
  storage::Ledger& ledger;
  retrieval::MessageSink& sink;
  retrieval::PollObserver& observer;
  mail::WallTime now;
  bool dry_run = false;
  std::optional<std::uint64_t> left;  // messages that may still be fetched; nullopt: no limit
  AccountMemory& memory;
  retrieval::PollResult result;
};

class FolderPoll {
 public:
  FolderPoll(Session& session, PollRun& run, const Folder& folder) : session_(session), run_(run), folder_(folder) {}

  // Throws Failure with scope kFolder for what concerns this folder only.
  void run();

 private:
  struct Window {
    std::vector<Listed> messages;
    storage::Uid through = 0;  // all up to here are listed
    bool last = true;
  };
  void select(std::optional<UidListing>& early);
  void restart_if_recreated();
  void clean_left_over();
  void fetch_new(std::optional<UidListing> early);
  [[nodiscard]] bool nothing_new() const;
  [[nodiscard]] Window window_of(UidListing& listing, storage::Uid to);
  [[nodiscard]] Window next_window(storage::Uid from);
  // False: a limit ended the walk.
  [[nodiscard]] bool take(Window window);
  void leave_out_known_and_large(std::vector<Listed>& messages);
  void download(const std::vector<Listed>& messages);
  void count_attempt(const Listed& message, const std::string& reason);
  void settle_window(storage::Uid through);
  void clean(const std::vector<storage::Uid>& uids);
  void skip(const retrieval::Incoming& message, const std::string& reason);
  void require_same_mailbox() const;
  void warn(const std::string& what);
  [[nodiscard]] retrieval::Incoming incoming(const Listed& message) const;
  [[nodiscard]] mail::ByteCount max_message_bytes() const;
  [[nodiscard]] bool wants_sizes() const;

  Session& session_;
  PollRun& run_;
  const Folder& folder_;
  storage::FolderProgress progress_;
  bool known_to_ledger_ = false;
  bool unflushed_ = false;
  std::uint32_t uid_validity_ = 0;
  std::uint32_t span_ = 10'000;                 // UIDs asked for in one listing of a large folder
  std::optional<storage::Uid> lowest_missing_;  // the ledger does not advance past it
};

}  // namespace mailstead::imap
