// One folder in one poll: select, what is new by the ledger, bodies to the sink, then clean-up of what became durable
// and the ledger's advance.
//
// A folder that was read before has its next few messages asked for in the same write as SELECT, so that the first body
// comes one round trip later. What is beyond them, and any other folder, is walked in windows of at most kMaxListed
// messages; after each the sink is flushed, so that memory and the work lost by a crash stay bounded. Messages that
// failed in an earlier poll are asked for alone and last. On a Failure all that was flushed stays done.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/body_download.h"
#include "connectors/imap/client/download_crew.h"
#include "connectors/imap/client/folder.h"
#include "connectors/imap/client/folder_troubles.h"
#include "connectors/imap/client/followed_flags.h"
#include "connectors/imap/client/server_quirks.h"
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
  bool mark_retrieved = false;            // retrieval::PollOptions
  std::optional<mail::WallTime> since{};  // likewise
  ServerQuirks quirks{};                  // of the server at hand
  HireHelper hire{};                      // further connections for a large download; empty: none
};

class FolderPoll {
 public:
  FolderPoll(Session& session, PollRun& run, const Folder& folder);

  // Throws Failure with scope kFolder for what concerns this folder only.
  void run();

  // Whether the folder must be visited though nothing arrived in it: clean-ups, messages to be tried again, gaps.
  [[nodiscard]] static bool has_errands(const PollRun& run, const std::string& folder);

 private:
  // What is sent in the same write as SELECT, or behind it.
  struct Flight {
    std::optional<storage::UidRange> direct;  // bodies of what was not listed
    Tag direct_tag = 0;
    std::optional<UidListing> listing;
    std::vector<Tag> listing_tags;
  };
  struct Window {
    std::vector<Listed> messages;
    storage::Uid through = 0;  // all up to here are listed
    bool last = true;
  };
  // folder_flight.cpp
  [[nodiscard]] Flight select();
  void send_ahead(Flight& flight);
  [[nodiscard]] bool may_ask_directly(const storage::UidRange& range) const;
  [[nodiscard]] std::string follow_by_select();
  void check_numbering(Flight& flight);
  void restart(std::uint32_t before);
  void mend_uid_next();
  void land(Flight& flight, std::optional<Window>& first);
  void drop(Flight& flight);
  [[nodiscard]] bool take_direct(const Flight& flight);
  [[nodiscard]] DownloadOptions download_options();
  void count(const DownloadResult& got);
  void note_interrupted(const mail::Failure& failure, std::optional<storage::Uid> uid);

  // folder_windows.cpp
  void fetch_new(std::optional<Window> first);
  [[nodiscard]] bool nothing_new() const;
  [[nodiscard]] Window window_of(UidListing& listing, storage::Uid to);
  [[nodiscard]] Window next_window(storage::Uid from);
  // False: a limit ended the walk.
  [[nodiscard]] bool take(Window window);
  void leave_out(std::vector<Listed>& messages);
  void leave_out_matched(std::vector<Listed>& messages);
  void leave_out_copies(std::vector<Listed>& messages);
  void add_labels(Listed& message) const;
  void mark_done(const std::vector<Listed>& messages);
  void end_matching();
  void download(const std::vector<Listed>& messages);
  void download_together(const std::vector<Listed>& messages);
  void took(const DownloadResult& got, const std::vector<Listed>& messages);
  void retry_troubles();
  void note_missing(const DownloadResult& got);
  void note_drop_in_flight();

  // folder_poll.cpp
  void settle(storage::Uid through);
  void advance(storage::Uid through);
  [[nodiscard]] std::vector<storage::Uid> left_over() const;
  void clean_left_over();
  [[nodiscard]] bool follows() const;
  void note_states(const std::vector<Listed>& messages);
  void settle_states();
  void clean(const std::vector<storage::Uid>& uids);
  void skip(const retrieval::Incoming& message, const std::string& reason);
  void hold_back(storage::Uid uid);
  void require_same_mailbox() const;
  void warn(const std::string& what);
  [[nodiscard]] storage::SourceRef source() const;
  [[nodiscard]] retrieval::Incoming incoming(const Listed& message) const;
  [[nodiscard]] mail::ByteCount max_message_bytes() const;
  [[nodiscard]] bool limits_size() const;
  [[nodiscard]] ListingWants wants() const;
  [[nodiscard]] IdentityKind identity_kind() const;
  [[nodiscard]] bool takes_several_folders() const;

  Session& session_;
  PollRun& run_;
  const Folder& folder_;
  FolderTroubles troubles_;
  storage::FolderProgress progress_;
  bool known_to_ledger_ = false;
  bool unflushed_ = false;
  storage::Uid walked_ = 0;  // all up to here was looked at in this poll, whatever became of it
  std::uint32_t uid_validity_ = 0;
  std::uint32_t span_ = 10'000;                 // UIDs asked for in one listing of a large folder
  std::vector<storage::Uid> copies_;            // known from another folder, to be cleaned up with what came in
  std::optional<DownloadCrew> crew_;            // where several connections download
  std::optional<storage::Uid> lowest_missing_;  // the ledger does not advance past it

  // after_fetch "only_if"
  std::optional<FollowedFlags> followed_;  // of earlier polls
  storage::ModSeq selected_modseq_ = 0;    // HIGHESTMODSEQ when it was selected
  bool told_by_select_ = false;
  bool states_settled_ = true;        // all that may be cleaned up was
  std::vector<storage::Uid> unripe_;  // came in just now and has to wait; ascending
};

}  // namespace mailstead::imap
