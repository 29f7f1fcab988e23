// Waiting for news against transcripts: one scripted peer for each connection.
#include <gtest/gtest.h>

#include <poll.h>

#include "connectors/imap/client/retriever.h"
#include "mail/failure.h"
#include "tests/support/retrieval_fakes.h"
#include "tests/support/scripted_peer.h"

namespace mailstead::imap {
namespace {

using namespace std::chrono_literals;
using testing::MemoryLedger;
using testing::RecordingSink;
using testing::ScriptedPeer;
using Names = std::vector<std::string>;

class ImapWaiting : public ::testing::Test {
 protected:
  // Connections are made to the peers in this order.
  void play(const Names& transcripts) {
    for (const auto& name : transcripts) peers.push_back(ScriptedPeer::from_file("imap_client/" + name + ".txt"));
    settings.name = "a";
    settings.endpoint = peers.front()->endpoint();
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.endpoint.timeouts.command = settings.endpoint.timeouts.greeting = patience;
    settings.credentials.user = "alice";
    settings.credentials.password = [] { return mail::Secret("secret"); };
    retriever = make_retriever(
        settings, [this](const auto&, const auto&) { return peers.at(dialled++)->connect(); }, "");
  }
  void poll(const Names& folders = {}) {
    retrieval::PollObserver observer;
    retrieval::PollOptions options;
    options.folders = folders;
    (void)retriever->poll(ledger, sink, observer, options, mail::WallTime{}, {});
    EXPECT_EQ(sink.misuse, "");
  }
  // As the parking lot does: waits for the descriptor or the limit, then looks; until there is news.
  retrieval::News news() {
    for (;;) {
      pollfd descriptor{waiting->descriptor, POLLIN, 0};
      const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(retriever->waiting_limit());
      (void)::poll(&descriptor, 1, static_cast<int>(limit.count()));
      auto found = retriever->woken({});
      if (found.any) return found;
    }
  }
  void wait() {
    waiting = retriever->start_waiting({});
    ASSERT_TRUE(waiting);
  }
  void leave() {
    retriever->disconnect();
    for (auto& peer : peers) EXPECT_EQ(peer->finish(), "");
    EXPECT_EQ(dialled, peers.size());
  }

  std::chrono::seconds patience = 10s;
  std::vector<std::unique_ptr<ScriptedPeer>> peers;
  std::size_t dialled = 0;
  retrieval::AccountSettings settings;
  MemoryLedger ledger;
  RecordingSink sink{ledger};
  std::unique_ptr<retrieval::Retriever> retriever;
  std::optional<retrieval::Waiting> waiting;
};

TEST_F(ImapWaiting, AsksAgainWhenTheServerEndsTheWait) {
  play({"idle_server_ends"});
  poll();
  wait();
  EXPECT_EQ(news().folders, Names{"INBOX"});
  leave();
}

TEST_F(ImapWaiting, GivesUpOnAServerThatEndsEachWaitAtOnce) {
  play({"idle_ends_at_once"});
  poll();
  wait();
  EXPECT_THROW((void)news(), mail::Failure);
  leave();
}

TEST_F(ImapWaiting, SignsOfLifeAreNoNewsAndExpungedMessagesAreCounted) {
  play({"idle_still_here"});
  ledger.folders["INBOX"].uid_validity = 7;
  ledger.folders["INBOX"].done_through = 2;
  poll();
  wait();
  EXPECT_EQ(news().folders, Names{"INBOX"});
  leave();
}

TEST_F(ImapWaiting, VanishedMessagesAreCounted) {
  play({"idle_vanished"});
  ledger.folders["INBOX"].uid_validity = 7;
  ledger.folders["INBOX"].done_through = 2;
  poll();
  wait();
  EXPECT_EQ(news().folders, Names{"INBOX"});
  leave();
}

TEST_F(ImapWaiting, ByeIsALostConnection) {
  play({"idle_bye"});
  poll();
  EXPECT_THROW(
      {
        wait();
        (void)news();
      },
      mail::Failure);
  leave();
}

TEST_F(ImapWaiting, IsRenewedInTimeAndLosesNothingMeanwhile) {
  settings.idle_renewal = 1s;
  play({"idle_renewed"});
  poll();
  wait();
  EXPECT_LE(retriever->waiting_limit(), 1s);
  EXPECT_EQ(news().folders, Names{"INBOX"});
  leave();
}

TEST_F(ImapWaiting, VerifyingAsksTheServerAtOnce) {
  play({"idle_renewed"});
  poll();
  wait();
  EXPECT_FALSE(retriever->verify({}).any);
  EXPECT_EQ(retriever->verify({}).folders, Names{"INBOX"});
  leave();
}

TEST_F(ImapWaiting, ALineThatDoesNotAnswerIsDead) {
  patience = 1s;
  play({"idle_done_unanswered"});
  poll();
  wait();
  EXPECT_THROW((void)retriever->verify({}), mail::Failure);
  leave();
}

TEST_F(ImapWaiting, IsForcedWhereTheServerHidesIt) {
  settings.force_idle = true;
  play({"idle_forced"});
  poll();
  wait();
  EXPECT_EQ(news().folders, Names{"INBOX"});
  leave();
}

TEST_F(ImapWaiting, IsNotTriedWhereItIsNotOffered) {
  play({"idle_not_offered"});
  poll();
  EXPECT_FALSE(retriever->start_waiting({}));
  leave();
}

TEST_F(ImapWaiting, WhatArrivesBeforeTheWaitIsNews) {
  play({"idle_arrived_meanwhile"});
  poll();
  wait();
  EXPECT_EQ(retriever->waiting_limit(), 0s);
  EXPECT_EQ(news().folders, Names{"INBOX"});
  leave();
}

TEST_F(ImapWaiting, TwoFoldersAreWatchedOnTwoConnectionsAndPolledWhereTheyAreOpen) {
  settings.folders = {"INBOX", "Lists"};
  play({"idle_two_polling", "idle_two_lists"});
  poll();
  wait();
  EXPECT_EQ(waiting->connections, 2U);
  EXPECT_EQ(waiting->folders, 2U);
  EXPECT_TRUE(waiting->all);
  const auto found = news();
  EXPECT_EQ(found.folders, Names{"Lists"});
  poll(found.folders);
  EXPECT_EQ(sink.messages.size(), 1U);
  wait();
  EXPECT_EQ(waiting->connections, 2U);
  leave();
}

TEST_F(ImapWaiting, OnlyTheListedFoldersAreWatched) {
  settings.folders = {"INBOX", "Lists"};
  settings.idle_folders = {"Li*"};
  play({"idle_one_of_two"});
  poll();
  wait();
  EXPECT_EQ(waiting->connections, 1U);
  EXPECT_FALSE(waiting->all);
  leave();
}

TEST_F(ImapWaiting, TheLimitOfConnectionsHolds) {
  settings.folders = {"INBOX", "Lists"};
  settings.may_connect = [] { return false; };
  play({"idle_two_polling"});
  poll();
  wait();
  EXPECT_EQ(waiting->connections, 1U);
  leave();
}

TEST_F(ImapWaiting, ARefusedFurtherConnectionIsToldAndHarmsNothing) {
  settings.folders = {"INBOX", "Lists"};
  play({"idle_two_polling", "idle_refused_connection"});
  poll();
  wait();
  EXPECT_EQ(waiting->connections, 1U);
  EXPECT_NE(waiting->trouble.find("Maximum number of connections"), std::string::npos) << waiting->trouble;
  leave();
}

TEST_F(ImapWaiting, AFurtherConnectionThatDiesIsNewsOfItsFolderAndTheOthersGoOn) {
  settings.folders = {"INBOX", "Lists"};
  play({"idle_two_lives", "idle_two_dies"});
  poll();
  wait();
  EXPECT_EQ(waiting->connections, 2U);
  EXPECT_EQ(retriever->verify({}).folders, Names{"Lists"});
  leave();
}

TEST_F(ImapWaiting, NotifyWatchesAllFoldersOnOneConnection) {
  settings.folders = {"INBOX", "Lists"};
  play({"notify"});
  poll();
  wait();
  EXPECT_EQ(waiting->connections, 1U);
  EXPECT_EQ(waiting->folders, 2U);
  EXPECT_FALSE(waiting->all);  // the interval of the polls stays
  const auto found = news();
  EXPECT_EQ(found.folders, Names{"Lists"});
  poll(found.folders);
  EXPECT_EQ(sink.messages.size(), 1U);
  wait();
  leave();
}

TEST_F(ImapWaiting, NotifyShowsWhatArrivedMeanwhile) {
  settings.folders = {"INBOX", "Lists"};
  play({"notify_missed"});
  poll();
  wait();
  EXPECT_EQ(news().folders, Names{"Lists"});
  leave();
}

TEST_F(ImapWaiting, AnOverflowOfNotifyIsNewsOfAnyFolder) {
  settings.folders = {"INBOX", "Lists"};
  play({"notify_overflow"});
  poll();
  wait();
  EXPECT_TRUE(news().folders.empty());
  leave();
}

TEST_F(ImapWaiting, WhereNotifyIsRefusedEachFolderHasItsConnection) {
  settings.folders = {"INBOX", "Lists"};
  play({"notify_refused", "idle_lists_waits"});
  poll();
  wait();
  EXPECT_EQ(waiting->connections, 2U);
  leave();
}

}  // namespace
}  // namespace mailstead::imap
