#include "tests/unit/storage/store_fixture.h"

#include "storage/packing.h"
#include "storage/uid_ranges.h"

#include <gmock/gmock.h>

#include <random>
#include <set>

namespace mailstead::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(UidRanges, AgreeWithASetOfNumbers) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    UidRanges ranges;
    std::set<Uid> expected;
    for (int step = 0; step < 60; ++step) {
      Uid first = random() % 100 + 1;
      Uid last = first + random() % 5;
      switch (random() % 4) {
        case 0:
          remove(ranges, first);
          expected.erase(first);
          break;
        case 1:
          if (random() % 8 != 0) break;
          remove_through(ranges, first);
          expected.erase(expected.begin(), expected.upper_bound(first));
          break;
        default:
          add(ranges, first, last);
          for (Uid uid = first; uid <= last; ++uid) expected.insert(uid);
      }
      for (Uid uid = 1; uid <= 110; ++uid) ASSERT_EQ(contains(ranges, uid), expected.contains(uid)) << uid;
      for (std::size_t i = 1; i < ranges.size(); ++i) ASSERT_GT(ranges[i].first, ranges[i - 1].last + 1);
      ASSERT_EQ(unpack_ranges(pack(ranges)), ranges);
    }
  }
}

TEST(UidRanges, KeepTheHighestNumber) {
  UidRanges ranges;
  add(ranges, 4294967290U, 4294967295U);
  add(ranges, 1, 1);
  EXPECT_EQ(unpack_ranges(pack(ranges)), ranges);
  EXPECT_TRUE(contains(ranges, 4294967295U));
  remove(ranges, 4294967295U);
  EXPECT_FALSE(contains(ranges, 4294967295U));
}

TEST(Packing, UnreadableBytesNeverLeadOutside) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 20, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    static_cast<void>(unpack_ranges(bytes));
    static_cast<void>(unpack_strings(bytes));
    static_cast<void>(unpack_events(bytes));
  }
  std::vector<std::string> strings{"", "a", std::string(300, 'x'), std::string("\0\xff", 2)};
  EXPECT_EQ(unpack_strings(pack(strings)), strings);
}

class LedgerContract : public StoreContract {
 protected:
  Ledger& ledger() { return store().ledger(); }
};
MAILSTEAD_FOR_EACH_STORE(LedgerContract);

TEST_P(LedgerContract, UnknownFolderHasNoProgress) {
  EXPECT_FALSE(ledger().folder("work", "INBOX"));
  EXPECT_THAT(uidls_of(ledger(), "work"), IsEmpty());
  EXPECT_THAT(ledger().cleanup_due("work", "INBOX", at(0)), IsEmpty());
}

TEST_P(LedgerContract, ExceptionsCollapseWhenTheFolderAdvances) {
  for (std::size_t uid : {10U, 12U, 13U, 30U}) accepted(store(), message(uid));
  FolderProgress before = *ledger().folder("work", "INBOX");
  EXPECT_EQ(before.done_through, 0U);
  EXPECT_THAT(before.done_beyond, ElementsAre(UidRange{10, 10}, UidRange{12, 13}, UidRange{30, 30}));
  ledger().advance("work", "INBOX", 7, 13, 99);
  open();
  FolderProgress after = *ledger().folder("work", "INBOX");
  EXPECT_EQ(after.done_through, 13U);
  EXPECT_EQ(after.highest_modseq, 99U);
  EXPECT_THAT(after.done_beyond, ElementsAre(UidRange{30, 30}));
  EXPECT_TRUE(after.done(11));
  EXPECT_FALSE(after.done(14));
}

TEST_P(LedgerContract, AdvanceStartsAFolderAndNeverGoesBack) {
  ledger().advance("work", "Lists", 3, 50, 0);
  ledger().advance("work", "Lists", 3, 20, 0);
  EXPECT_EQ(ledger().folder("work", "Lists")->done_through, 50U);
  EXPECT_THROW(ledger().advance("work", "Lists", 4, 60, 0), mail::Failure);
  EXPECT_EQ(ledger().folder("work", "Lists")->uid_validity, 3U);
}

TEST_P(LedgerContract, RestartForgetsProgressAndCleanupsButNotFingerprints) {
  Acceptance first = message(4);
  first.cleanup_at = at(0);
  accepted(store(), first);
  ledger().restart_folder("work", "INBOX", 8);
  EXPECT_FALSE(ledger().folder("work", "INBOX")->done(4));
  EXPECT_THAT(ledger().cleanup_due("work", "INBOX", at(10)), IsEmpty());
  ledger().end_matching("work", "INBOX");
  Acceptance again = message(4);
  again.source.uid_validity = 8;
  again.source.uid = 1;
  EXPECT_EQ(accepted(store(), again).outcome, AcceptReceipt::Outcome::kDuplicate);
}

TEST_P(LedgerContract, SkippedIsDoneUntilForgotten) {
  for (Uid uid : {1U, 2U, 3U, 5U}) {
    if (uid == 2) {
      ledger().skip({"work", "INBOX", 7, 2, ""}, at(0), "too large");
    } else {
      accepted(store(), message(uid));
    }
  }
  ledger().skip({"work", "INBOX", 7, 9, ""}, at(0), "unreadable");
  FolderProgress skipped = *ledger().folder("work", "INBOX");
  EXPECT_TRUE(skipped.done(2));
  EXPECT_TRUE(skipped.done(9));
  EXPECT_THAT(skipped.skipped, ElementsAre(UidRange{2, 2}, UidRange{9, 9}));
  ledger().forget_skipped("work");
  FolderProgress after = *ledger().folder("work", "INBOX");
  for (Uid uid = 1; uid <= 10; ++uid) EXPECT_EQ(after.done(uid), uid == 1 || uid == 3 || uid == 5) << uid;
  EXPECT_EQ(accepted(store(), message(2)).outcome, AcceptReceipt::Outcome::kAccepted);
}

TEST_P(LedgerContract, SkippedUidlIsKeptUntilForgotten) {
  ledger().skip({"isp", "", 0, 0, "u1"}, at(0), "too large");
  Acceptance pop = message(1);
  pop.source = {"isp", "", 0, 0, "u2"};
  accepted(store(), pop);
  EXPECT_THAT(uidls_of(ledger(), "isp"), UnorderedElementsAre("u1", "u2"));
  ledger().forget_skipped("isp");
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre("u2"));
}

TEST_P(LedgerContract, UidlsWithEqualBeginningsStayDistinct) {
  std::string beginning(70, 'x');
  for (char end : {'a', 'b'}) {
    Acceptance pop = message(static_cast<std::size_t>(end));
    pop.source = {"isp", "", 0, 0, beginning + end};
    EXPECT_EQ(accepted(store(), pop).outcome, AcceptReceipt::Outcome::kAccepted);
  }
  EXPECT_EQ(uidls_of(ledger(), "isp").size(), 2U);
  ledger().forget_uidls("isp", {beginning + "a"});
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre(beginning + "b"));
}

TEST_P(LedgerContract, UidlsComeAscendingByOctets) {
  ledger().mark_uidls("isp", {"b", "a", "\xc3\xa4", "B", "a1", "10", "9"});
  ledger().mark_uidls("other", {"0"});
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre("10", "9", "B", "a", "a1", "b", "\xc3\xa4"));
}

TEST_P(LedgerContract, RenamedUidlsKeepWhatIsPending) {
  std::size_t number = 0;
  for (const char* uidl : {"a", "b", "c"}) {
    Acceptance pop = message(++number);
    pop.source = {"isp", "", 0, 0, uidl};
    pop.from = "x@example.org";
    if (number == 2) pop.cleanup_at = at(0);
    accepted(store(), pop);
  }
  ledger().skip({"isp", "", 0, 0, "d"}, at(0), "too large");
  std::vector<std::string> found;
  ledger().visit_retrieved("isp", [&](const RetrievedMessage& one) {
    EXPECT_EQ(one.from, "x@example.org");
    found.push_back(one.uidl + one.message_id);
  });
  EXPECT_THAT(found, UnorderedElementsAre("a1@example.org", "b2@example.org", "c3@example.org"));
  // b takes the name that a loses.
  ledger().rename_uidls("isp", {{"a", "z"}, {"b", "a"}, {"unknown", "y"}});
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre("a", "c", "d", "z"));
  auto due = ledger().cleanup_due("isp", "", at(0));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].uidl, "a");
}

TEST_P(LedgerContract, MarkedUidlsCountAsRetrieved) {
  ledger().mark_uidls("isp", {"u1", "u2"});
  ledger().mark_uidls("isp", {"u2"});
  Acceptance pop = message(1);
  pop.source = {"isp", "", 0, 0, "u1"};
  EXPECT_EQ(accepted(store(), pop).outcome, AcceptReceipt::Outcome::kAlreadyRetrieved);
  ledger().forget_skipped("isp");
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre("u1", "u2"));
}

TEST_P(LedgerContract, CleanupWaitsForItsTimeAndEndsOnce) {
  for (Uid uid : {3U, 1U, 2U}) {
    Acceptance acceptance = message(uid);
    acceptance.cleanup_at = at(uid == 2 ? 100 : 10);
    accepted(store(), acceptance);
  }
  auto due = ledger().cleanup_due("work", "INBOX", at(10));
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].uid, 1U);
  EXPECT_EQ(due[1].uid, 3U);
  ledger().cleaned_uids("work", "INBOX", {1, 3, 77});
  ledger().cleaned_uids("work", "INBOX", {1});
  EXPECT_THAT(ledger().cleanup_due("work", "INBOX", at(10)), IsEmpty());
  EXPECT_EQ(ledger().cleanup_due("work", "INBOX", at(100)).size(), 1U);
  EXPECT_THAT(kinds(store().history().by_message_id("<1@example.org>").at(0).id),
              ElementsAre("received", "placed", "cleaned"));
}

TEST_P(LedgerContract, DeletedUidlLeavesTheLedger) {
  for (const char* uidl : {"b", "a"}) {
    Acceptance pop = message(static_cast<std::size_t>(uidl[0]));
    pop.source = {"isp", "", 0, 0, uidl};
    pop.cleanup_at = at(0);
    accepted(store(), pop);
  }
  auto due = ledger().cleanup_due("isp", "", at(0));
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].uidl, "b");  // in order of acceptance
  ledger().cleaned_uidls("isp", {"b"}, true);
  ledger().cleaned_uidls("isp", {"a"}, false);
  EXPECT_THAT(ledger().cleanup_due("isp", "", at(0)), IsEmpty());
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre("a"));
}

TEST_P(LedgerContract, MessageInTroubleIsNotDoneUntilItIsSteppedOver) {
  SourceRef source{"work", "INBOX", 7, 5, ""};
  EXPECT_EQ(ledger().note_trouble(source, at(10), "cut short"), 1U);
  EXPECT_EQ(ledger().note_trouble(source, at(20), "cut\nshort"), 2U);
  EXPECT_FALSE(ledger().folder("work", "INBOX")->done(5));
  open();
  auto waiting = ledger().troubles("work");
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].source, source);
  EXPECT_EQ(waiting[0].attempts, 2U);
  EXPECT_EQ(waiting[0].last, at(20));
  EXPECT_EQ(waiting[0].next_try, at(20));
  EXPECT_EQ(waiting[0].reason, "cut\\x0Ashort");
  EXPECT_FALSE(waiting[0].stepped_over);

  EXPECT_EQ(ledger().note_trouble(source, at(30), "cut short"), 3U);
  FolderProgress progress = *ledger().folder("work", "INBOX");
  EXPECT_TRUE(progress.done(5));
  EXPECT_THAT(progress.skipped, ElementsAre(UidRange{5, 5}));
  auto over = ledger().troubles("");
  ASSERT_EQ(over.size(), 1U);
  EXPECT_TRUE(over[0].stepped_over);
  EXPECT_EQ(over[0].next_try, at(30) + kPoisonRetry);
  EXPECT_THAT(ledger().troubles("other"), IsEmpty());
}

TEST_P(LedgerContract, SteppedOverMessageLeavesOneLineInTheHistory) {
  for (int attempt = 0; attempt < 5; ++attempt) ledger().note_trouble({"work", "INBOX", 7, 5, ""}, at(attempt), "torn");
  auto found = store().history().by_id(1);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->events.size(), 1U);
  EXPECT_EQ(found->events[0].kind, "skipped");
  EXPECT_EQ(found->events[0].text, "torn");
  EXPECT_FALSE(store().history().by_id(2));
}

TEST_P(LedgerContract, AcceptedAfterAllIsNoLongerInTroubleNorSkipped) {
  for (int attempt = 0; attempt < 3; ++attempt) ledger().note_trouble({"work", "INBOX", 7, 5, ""}, at(0), "torn");
  ledger().note_trouble({"work", "INBOX", 7, 6, ""}, at(0), "torn");
  ledger().advance("work", "INBOX", 7, 50, 0);
  EXPECT_EQ(accepted(store(), message(5)).outcome, AcceptReceipt::Outcome::kAccepted);
  auto left = ledger().troubles("work");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].source.uid, 6U);
  EXPECT_THAT(ledger().folder("work", "INBOX")->skipped, IsEmpty());
  EXPECT_EQ(accepted(store(), message(5)).outcome, AcceptReceipt::Outcome::kAlreadyRetrieved);
}

TEST_P(LedgerContract, TroubleOfAUidlIsSteppedOverAndAcceptedLater) {
  SourceRef source{"isp", "", 0, 0, "u1"};
  for (int attempt = 0; attempt < 3; ++attempt) ledger().note_trouble(source, at(0), "torn");
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre("u1"));
  Acceptance pop = message(1);
  pop.source = source;
  EXPECT_EQ(accepted(store(), pop).outcome, AcceptReceipt::Outcome::kAccepted);
  EXPECT_THAT(ledger().troubles("isp"), IsEmpty());
  ledger().forget_skipped("isp");
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre("u1"));
}

TEST_P(LedgerContract, TroublesEndWhenToldOrWhenTheirFolderStartsAnew) {
  ledger().note_trouble({"work", "INBOX", 7, 5, ""}, at(0), "a");
  ledger().note_trouble({"work", "INBOX", 7, 6, ""}, at(0), "b");
  ledger().note_trouble({"work", "Lists", 3, 5, ""}, at(0), "c");
  ledger().note_trouble({"isp", "", 0, 0, "u1"}, at(0), "d");
  ledger().note_trouble({"isp", "", 0, 0, "u2"}, at(0), "e");
  auto reasons = [&] {
    std::vector<std::string> found;
    for (const Trouble& trouble : ledger().troubles("")) found.push_back(trouble.reason);
    return found;
  };
  EXPECT_THAT(reasons(), ElementsAre("d", "e", "a", "b", "c"));
  ledger().forget_troubles({{"work", "INBOX", 7, 6, ""}, {"isp", "", 0, 0, "u9"}});
  EXPECT_THAT(reasons(), ElementsAre("d", "e", "a", "c"));
  ledger().restart_folder("work", "INBOX", 8);
  EXPECT_THAT(reasons(), ElementsAre("d", "e", "c"));
  ledger().forget_uidls("isp", {"u1"});
  EXPECT_THAT(reasons(), ElementsAre("e", "c"));
  ledger().forget_skipped("work");
  EXPECT_THAT(reasons(), ElementsAre("e"));
  open();
  EXPECT_THAT(reasons(), ElementsAre("e"));
}

TEST_P(LedgerContract, TroubleOfAnotherNumberingIsRefused) {
  ledger().advance("work", "INBOX", 7, 1, 0);
  EXPECT_THROW(ledger().note_trouble({"work", "INBOX", 8, 5, ""}, at(0), "torn"), mail::Failure);
  EXPECT_THAT(ledger().troubles("work"), IsEmpty());
}

}  // namespace
}  // namespace mailstead::storage
