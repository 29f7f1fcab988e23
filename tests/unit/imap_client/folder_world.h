// One folder against a transcript that begins behind the sign-in: tests/transcripts/imap_folder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/imap/client/folder_poll.h"
#include "mail/failure.h"
#include "tests/support/retrieval_fakes.h"
#include "tests/support/scripted_peer.h"

namespace mailstead::imap {

using Uids = std::vector<storage::Uid>;

inline constexpr std::int64_t kDate = 1689587065;  // of every message in the transcripts

class FolderWorld {
 public:
  explicit FolderWorld(const std::string& transcript, const std::string& capabilities = "IMAP4rev1 UIDPLUS")
      : sink(ledger),
        peer_(testing::ScriptedPeer::from_file("imap_folder/" + transcript + ".txt")),
        capabilities_(capabilities) {
    settings.name = "a";
  }

  // On a connection of its own.
  void poll() {
    net::Timeouts timeouts;
    timeouts.command = std::chrono::seconds(10);
    Session session(peer_->connect(), timeouts);
    session.restart_clock({});
    session.capabilities() = Capabilities::parse(capabilities_);
    retrieval::PollObserver observer;
    PollRun run{settings, ledger, sink, observer, now, false, left, memory, {}};
    run.mark_retrieved = mark_retrieved;
    run.since = since;
    Folder folder = folder_named(folder_name);
    failure.reset();
    try {
      FolderPoll(session, run, folder).run();
    } catch (const mail::Failure& thrown) {
      failure = thrown;
    }
    result = std::move(run.result);
    EXPECT_EQ(sink.misuse, "");
    EXPECT_FALSE(sink.open());
  }
  // What the agent does when a connection broke: what had come in whole is kept.
  void poll_and_lose_connection() {
    poll();
    EXPECT_TRUE(failure);
    sink.flush();
  }
  void poll_well() {
    poll();
    EXPECT_FALSE(failure) << failure->text();
  }
  void finish() { EXPECT_EQ(peer_->finish(), ""); }
  void poll_once() {
    poll_well();
    finish();
  }

  void seen_before(storage::Uid through, std::uint32_t uid_validity = 7) {
    inbox().uid_validity = uid_validity;
    inbox().done_through = through;
  }
  testing::MemoryLedger::Folder& inbox() { return ledger.folders["INBOX"]; }
  [[nodiscard]] Uids fetched() const {
    Uids uids;
    for (const auto& message : sink.messages) {
      uids.push_back(message.facts.source.uid);
      EXPECT_EQ(message.content, "Subject: m" + std::to_string(uids.back()) + "\r\n\r\n");
      EXPECT_EQ(message.facts.internal_date.time_since_epoch().count() == kDate, !odd_dates);
    }
    return uids;
  }

  testing::MemoryLedger ledger;
  testing::RecordingSink sink;
  retrieval::AccountSettings settings;
  AccountMemory memory;
  mail::WallTime now{std::chrono::seconds(1'800'000'000)};
  std::optional<std::uint64_t> left;
  std::string folder_name = "INBOX";
  bool mark_retrieved = false, odd_dates = false;
  std::optional<mail::WallTime> since;
  retrieval::PollResult result;
  std::optional<mail::Failure> failure;

 private:
  std::unique_ptr<testing::ScriptedPeer> peer_;
  std::string capabilities_;
};

}  // namespace mailstead::imap
