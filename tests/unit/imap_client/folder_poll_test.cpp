// What a poll fetches of one folder, when, and what it remembers: tests/transcripts/imap_folder.
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/imap_client/folder_world.h"

namespace mailstead::imap {
namespace {

using retrieval::AfterFetch;

struct DirectRow {
  const char* transcript;
  Uids fetched;
  storage::Uid through;
};

class ImapFirstFlight : public ::testing::TestWithParam<DirectRow> {};

TEST_P(ImapFirstFlight, BringsTheNextMessagesWithSelect) {
  FolderWorld world(GetParam().transcript);
  world.seen_before(2);
  world.poll_once();
  EXPECT_EQ(world.fetched(), GetParam().fetched);
  EXPECT_EQ(world.result.fetched, GetParam().fetched.size());
  EXPECT_EQ(world.inbox().done_through, GetParam().through);
  EXPECT_TRUE(world.result.warnings.empty()) << world.result.warnings[0];
}

Uids many(storage::Uid first, storage::Uid last) {
  Uids uids;
  for (storage::Uid uid = first; uid <= last; ++uid) uids.push_back(uid);
  return uids;
}

INSTANTIATE_TEST_SUITE_P(Rows, ImapFirstFlight,
                         ::testing::Values(DirectRow{"direct", {3, 4}, 4}, DirectRow{"direct_nothing", {}, 2},
                                           DirectRow{"direct_more", many(3, 55), 55},
                                           DirectRow{"direct_gap", {4, 3}, 4}, DirectRow{"direct_flags_late", {3}, 3},
                                           DirectRow{"direct_refused", {3}, 3}),
                         [](const auto& row) { return std::string(row.param.transcript); });

TEST(ImapFolder, FirstFlightBringsFlagsAndDates) {
  FolderWorld world("direct");
  world.seen_before(2);
  world.poll_once();
  ASSERT_EQ(world.sink.messages.size(), 2U);
  EXPECT_TRUE(world.sink.messages[0].facts.flags.has(mail::kFlagged));
  EXPECT_EQ(world.sink.messages[0].facts.source, (storage::SourceRef{"a", "INBOX", 7, 3, ""}));
}

TEST(ImapFolder, EmptyBodyInTheFirstFlightIsTriedAgainAndNoted) {
  FolderWorld world("direct_empty_body");
  world.seen_before(2);
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{4});
  ASSERT_EQ(world.ledger.kept_troubles.size(), 1U);
  EXPECT_EQ(world.ledger.kept_troubles.begin()->second.source.uid, 3U);
  EXPECT_EQ(world.inbox().done_through, 2U);
}

TEST(ImapFolder, RefusedSelectLeavesTheConnectionInOrder) {
  FolderWorld world("select_refused");
  world.seen_before(2);
  world.poll();
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->scope(), mail::FailureScope::kFolder);
  world.finish();
}

TEST(ImapFolder, RecreatedFolderIsMatchedToWhatWeHave) {
  FolderWorld world("renumbered");
  world.seen_before(2);
  world.settings.after_fetch = AfterFetch::kSeen;
  mail::WallTime date{std::chrono::seconds(kDate)};
  world.ledger.had = {{1, "", 100, "<a@x>", date}, {2, "", 200, "<b@x>", date}, {5, "", 400, "", date}};
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{12});
  EXPECT_TRUE(world.ledger.had.empty());
  EXPECT_EQ(world.ledger.restarts, 1);
  EXPECT_EQ(world.result.warnings.size(), 1U);
  EXPECT_EQ(world.inbox().uid_validity, 8U);
  EXPECT_EQ(world.inbox().done_through, 13U);
  EXPECT_FALSE(world.inbox().matching);
  EXPECT_EQ(world.ledger.cleaned, Uids{12});
}

TEST(ImapFolder, InterruptedMatchingGoesOn) {
  FolderWorld world("renumbered_resumed");
  world.seen_before(10, 8);
  world.inbox().matching = true;
  world.ledger.had = {{2, "", 200, "<b@x>", mail::WallTime(std::chrono::seconds(kDate))}};
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{});
  EXPECT_EQ(world.inbox().done_through, 11U);
  EXPECT_FALSE(world.inbox().matching);
  EXPECT_TRUE(world.result.warnings.empty());
}

TEST(ImapFolder, RestoredBackupLosesNoMail) {
  FolderWorld world("uidnext_back");
  world.seen_before(10);
  world.ledger.retrieved_up_to = 7;
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{8});
  EXPECT_EQ(world.ledger.rewinds, 1);
  EXPECT_EQ(world.result.warnings.size(), 1U);
  EXPECT_EQ(world.inbox().done_through, 8U);
}

TEST(ImapFolder, WrongUidnextKeepsNothingOut) {
  FolderWorld world("uidnext_wrong");
  world.seen_before(10);
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{11});
  EXPECT_EQ(world.ledger.rewinds, 0);
  EXPECT_EQ(world.inbox().done_through, 11U);
}

TEST(ImapFolder, MessageThatBreaksTheConnectionKeepsNobodyOut) {
  FolderWorld world("cut_in_message");
  world.poll_and_lose_connection();
  EXPECT_EQ(world.fetched(), Uids{1});
  world.poll_and_lose_connection();
  EXPECT_EQ(world.fetched(), (Uids{1, 3}));
  world.poll_and_lose_connection();
  ASSERT_EQ(world.ledger.kept_troubles.size(), 1U);
  EXPECT_TRUE(world.ledger.kept_troubles.begin()->second.stepped_over);
  world.poll_well();
  EXPECT_EQ(world.inbox().done_through, 3U);
  world.now += storage::kPoisonRetry;
  world.poll_once();
  EXPECT_EQ(world.fetched(), (Uids{1, 3, 2}));
  EXPECT_TRUE(world.ledger.kept_troubles.empty());
  EXPECT_TRUE(world.inbox().skipped.empty());
}

TEST(ImapFolder, TroubleOfAllIsNotThatOfTheMessageInHand) {
  FolderWorld world("filter_down");
  world.sink.refuse_uid = 1;
  world.sink.refusal = {mail::FailureKind::kTemporary, mail::FailureScope::kAccount, "the filter is down"};
  for (int poll = 0; poll < 3; ++poll) {
    world.poll_and_lose_connection();
    EXPECT_TRUE(world.ledger.kept_troubles.empty());
  }
  world.sink.refuse_uid = 0;
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{1});
}

TEST(ImapFolder, TroubleEndsWhenTheMessageIsGone) {
  FolderWorld world("trouble_gone");
  world.seen_before(0);
  world.ledger.note_trouble({"a", "INBOX", 7, 2, ""}, world.now, "torn");
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{3});
  EXPECT_TRUE(world.ledger.kept_troubles.empty());
  EXPECT_EQ(world.inbox().done_through, 3U);
}

TEST(ImapFolder, OlderThanAskedForStaysForAnotherPoll) {
  FolderWorld world("since");
  world.since = mail::WallTime(std::chrono::seconds(1'600'000'000));
  world.poll_well();
  EXPECT_EQ(world.fetched(), (Uids{1, 3}));
  EXPECT_EQ(world.inbox().done_through, 1U);
  world.since.reset();
  world.poll_well();
  world.finish();
  EXPECT_EQ(world.fetched(), (Uids{1, 3, 2}));
  EXPECT_EQ(world.inbox().done_through, 3U);
}

TEST(ImapFolder, MarkedAsRetrievedIsNotFetched) {
  FolderWorld world("mark_retrieved");
  world.mark_retrieved = true;
  world.settings.after_fetch = AfterFetch::kDelete;
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{});
  EXPECT_EQ(world.result.marked, 2U);
  EXPECT_EQ(world.inbox().done_through, 8U);
}

TEST(ImapFolder, UnsortedListingIsTaken) {
  FolderWorld world("unsorted");
  world.poll_once();
  EXPECT_EQ(world.fetched(), (Uids{3, 1, 2}));
  EXPECT_EQ(world.inbox().done_through, 3U);
}

TEST(ImapFolder, ServerThatCannotBePipelinedIsServedOneByOne) {
  FolderWorld world("bad_behind_another");
  world.settings.window_bytes = 64 * 1024;
  world.poll_once();
  EXPECT_EQ(world.fetched(), (Uids{1, 1000, 2000}));
  EXPECT_TRUE(world.memory.unpipelined);
  EXPECT_TRUE(AccountMemory::decode(world.memory.encode()).unpipelined);
}

TEST(ImapFolder, ServerThatHangsUpOnPipeliningTwiceIsServedOneByOne) {
  FolderWorld world("dropped_in_flight");
  world.settings.window_bytes = 64 * 1024;
  world.poll_and_lose_connection();
  EXPECT_FALSE(world.memory.unpipelined);
  world.memory = AccountMemory::decode(world.memory.encode());  // another process
  world.poll_and_lose_connection();
  EXPECT_TRUE(world.memory.unpipelined);
  world.poll_once();
  EXPECT_EQ(world.fetched(), (Uids{3, 4, 1, 2}));
}

TEST(ImapFolder, PartOfABodyIsNoMessage) {
  FolderWorld world("part_of_a_body");
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{});
  EXPECT_EQ(world.ledger.kept_troubles.size(), 1U);
}

TEST(ImapFolder, KeywordIsSetOnWhatWasFetched) {
  FolderWorld world("keyword");
  world.settings.after_fetch = AfterFetch::kKeyword;
  world.settings.keyword = "$Fetched";
  world.poll_once();
  EXPECT_EQ(world.ledger.cleaned, Uids{1});
}

TEST(ImapFolder, VanishedMessageIsAsGoodAsCleaned) {
  FolderWorld world("cleanup_vanished");
  world.seen_before(2);
  world.settings.after_fetch = AfterFetch::kDelete;
  world.inbox().due = {{1, "", {}}, {2, "", {}}};
  world.poll_once();
  EXPECT_EQ(world.ledger.cleaned, Uids{1});
  EXPECT_EQ(world.inbox().due.size(), 1U);
  EXPECT_EQ(world.result.warnings.size(), 1U);
}

TEST(ImapFolder, AbsurdCountsAreWeathered) {
  FolderWorld world("hostile_exists");
  world.poll_once();
  EXPECT_EQ(world.fetched(), (Uids{1, 2}));
}

TEST(ImapFolder, AnnouncementBeyondAllSizeIsLeftOnce) {
  FolderWorld world("oversize_literal");
  world.poll();
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->kind(), mail::FailureKind::kLimit);
  EXPECT_EQ(world.inbox().skipped, std::set<storage::Uid>{1});
  EXPECT_TRUE(world.ledger.kept_troubles.empty());
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{2});
}

}  // namespace
}  // namespace mailstead::imap
