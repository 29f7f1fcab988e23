// Folders and maildrops whose numbering changed: what we have is found again, once each.
#include "tests/unit/storage/store_fixture.h"

#include <gmock/gmock.h>

namespace mailstead::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RenumberingContract : public StoreContract {
 protected:
  Ledger& ledger() { return store().ledger(); }
  std::vector<bool> adopt(const std::vector<Shown>& shown) { return ledger().adopt("work", "INBOX", 8, shown, {}); }
};
MAILSTEAD_FOR_EACH_STORE(RenumberingContract);

// Message `number` of the fixture as its server shows it.
Shown shown(std::size_t number, Uid uid) {
  Acceptance acceptance = message(number);
  return {uid, "", acceptance.size, acceptance.message_id, acceptance.internal_date};
}

TEST_P(RenumberingContract, WhatWeHaveIsDoneUnderItsNewNumber) {
  for (std::size_t number : {1U, 2U, 3U}) accepted(store(), message(number));
  ledger().restart_folder("work", "INBOX", 8);
  EXPECT_TRUE(ledger().folder("work", "INBOX")->matching);
  EXPECT_THAT(adopt({shown(2, 1), shown(9, 2), shown(3, 3)}), ElementsAre(true, false, true));
  open();
  FolderProgress progress = *ledger().folder("work", "INBOX");
  EXPECT_TRUE(progress.done(1));
  EXPECT_FALSE(progress.done(2));
  EXPECT_TRUE(progress.done(3));
  EXPECT_TRUE(progress.matching);
  auto history = store().history().by_message_id("<3@example.org>");
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].source, (SourceRef{"work", "INBOX", 8, 3, ""}));
  ledger().end_matching("work", "INBOX");
  EXPECT_FALSE(ledger().folder("work", "INBOX")->matching);
}

TEST_P(RenumberingContract, EachOfOursIsFoundOnce) {
  accepted(store(), message(1));
  ledger().restart_folder("work", "INBOX", 8);
  EXPECT_THAT(adopt({shown(1, 5), shown(1, 6)}), ElementsAre(true, false));
  EXPECT_THAT(adopt({shown(1, 6)}), ElementsAre(false));
}

TEST_P(RenumberingContract, OnlyTheSureAreFound) {
  accepted(store(), message(1));
  Acceptance nameless = message(2);
  nameless.message_id = "";
  accepted(store(), nameless);
  ledger().restart_folder("work", "INBOX", 8);
  Shown other = shown(1, 5);
  other.size += 1;
  other.internal_date = at(5000);
  EXPECT_THAT(adopt({other}), ElementsAre(false));
  other.internal_date = shown(1, 5).internal_date;  // the size is a server's own affair
  EXPECT_THAT(adopt({other}), ElementsAre(true));

  Shown unnamed = shown(2, 6);
  unnamed.message_id = "";
  unnamed.internal_date.reset();
  EXPECT_THAT(adopt({unnamed}), ElementsAre(false));
  unnamed.internal_date = shown(2, 6).internal_date;
  EXPECT_THAT(adopt({unnamed}), ElementsAre(true));
}

TEST_P(RenumberingContract, OtherFoldersAreNotMatched) {
  accepted(store(), message(1));
  ledger().restart_folder("work", "Lists", 8);
  EXPECT_THAT(ledger().adopt("work", "Lists", 8, {shown(1, 5)}, {}), ElementsAre(false));
  ledger().restart_folder("home", "INBOX", 8);
  EXPECT_THAT(ledger().adopt("home", "INBOX", 8, {shown(1, 5)}, {}), ElementsAre(false));
}

TEST_P(RenumberingContract, PendingCleanupGoesWithItsMessage) {
  for (std::size_t number : {1U, 2U}) {
    Acceptance acceptance = message(number);
    acceptance.cleanup_at = at(50);
    accepted(store(), acceptance);
  }
  ledger().restart_folder("work", "INBOX", 8);
  EXPECT_THAT(ledger().cleanup_due("work", "INBOX", at(100)), IsEmpty());
  EXPECT_THAT(adopt({shown(2, 11)}), ElementsAre(true));
  auto due = ledger().cleanup_due("work", "INBOX", at(100));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].uid, 11U);
  EXPECT_EQ(due[0].due, at(50));
  ledger().end_matching("work", "INBOX");
  // Too late: the folder was seen whole, and this one was not in it.
  EXPECT_THAT(adopt({shown(1, 12)}), ElementsAre(true));
  EXPECT_EQ(ledger().cleanup_due("work", "INBOX", at(100)).size(), 1U);
}

TEST_P(RenumberingContract, FingerprintFindsWhatNothingElseDid) {
  accepted(store(), message(1));
  ledger().restart_folder("work", "INBOX", 8);
  Acceptance again = message(1);
  again.source.uid_validity = 8;
  again.source.uid = 3;
  again.duplicates.scope = DuplicateRule::Scope::kNone;
  EXPECT_EQ(accepted(store(), again).outcome, AcceptReceipt::Outcome::kAlreadyRetrieved);
  EXPECT_TRUE(ledger().folder("work", "INBOX")->done(3));
  again.source.uid = 4;  // a second copy is one more message
  EXPECT_EQ(accepted(store(), again).outcome, AcceptReceipt::Outcome::kAccepted);
  EXPECT_EQ(bodies("INBOX").size(), 2U);
}

TEST_P(RenumberingContract, ChangedUidlsAreFoundAmongThoseThatAreGone) {
  for (std::size_t number : {1U, 2U, 3U}) {
    Acceptance pop = message(number);
    pop.source = {"isp", "", 0, 0, "old" + std::to_string(number)};
    pop.cleanup_at = at(0);
    accepted(store(), pop);
  }
  auto as_pop = [](std::size_t number, const std::string& uidl) {
    Shown one = shown(number, 0);
    one.uidl = uidl;
    one.internal_date.reset();
    return one;
  };
  // 3 is still there under its old UIDL: the new one is another copy.
  EXPECT_THAT(ledger().adopt("isp", "", 0, {as_pop(1, "new1"), as_pop(3, "new3"), as_pop(7, "new7")}, {"old1", "old2"}),
              ElementsAre(true, false, false));
  EXPECT_THAT(uidls_of(ledger(), "isp"), ElementsAre("new1", "old2", "old3"));
  auto due = ledger().cleanup_due("isp", "", at(0));
  ASSERT_EQ(due.size(), 3U);
  EXPECT_EQ(due[0].uidl, "new1");
}

TEST_P(RenumberingContract, MarkedRangesAreDone) {
  ledger().mark_done("work", "INBOX", 8, {{1, 4}, {7, 9}, {UINT32_MAX, UINT32_MAX}});
  ledger().mark_done("work", "INBOX", 8, {{3, 5}});
  FolderProgress progress = *ledger().folder("work", "INBOX");
  EXPECT_EQ(progress.done_through, 5U);
  EXPECT_THAT(progress.done_beyond, ElementsAre(UidRange{7, 9}, UidRange{UINT32_MAX, UINT32_MAX}));
  EXPECT_THROW(ledger().mark_done("work", "INBOX", 9, {{1, 4}}), mail::Failure);
}

TEST_P(RenumberingContract, RewindGoesNoHigherThanWhatWeKnowOf) {
  for (std::size_t number : {1U, 2U, 5U}) {
    Acceptance acceptance = message(number);
    acceptance.cleanup_at = at(0);
    accepted(store(), acceptance);
  }
  ledger().advance("work", "INBOX", 7, 40, 99);
  ledger().rewind("work", "INBOX", 20);
  FolderProgress progress = *ledger().folder("work", "INBOX");
  EXPECT_EQ(progress.done_through, 5U);
  EXPECT_EQ(progress.highest_modseq, 0U);
  ledger().rewind("work", "INBOX", 3);
  EXPECT_EQ(ledger().folder("work", "INBOX")->done_through, 3U);
  EXPECT_EQ(ledger().cleanup_due("work", "INBOX", at(100)).size(), 2U);
}

TEST_P(RenumberingContract, IdentityIsKnownInAllFoldersOfItsAccount) {
  Acceptance first = message(1);
  first.identity = "g1";
  accepted(store(), first);
  Acceptance twin = message(1);  // a duplicate by its content has an identity too
  twin.source.uid = 2;
  twin.identity = "g2";
  EXPECT_EQ(accepted(store(), twin).outcome, AcceptReceipt::Outcome::kDuplicate);
  open();
  EXPECT_THAT(ledger().known_identities("work", {"g1", "", "g3", "g2"}), ElementsAre(true, false, false, true));
  EXPECT_THAT(ledger().known_identities("home", {"g1"}), ElementsAre(false));

  ledger().note_copies({{{"work", "Lists", 3, 5, ""}, "g1", at(9)}, {{"work", "Lists", 3, 6, ""}, "g2", {}}}, at(1));
  FolderProgress progress = *ledger().folder("work", "Lists");
  EXPECT_TRUE(progress.done(5));
  EXPECT_TRUE(progress.done(6));
  auto due = ledger().cleanup_due("work", "Lists", at(9));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].uid, 5U);
  EXPECT_THAT(kinds(1), ElementsAre("received", "placed", "copy"));
  EXPECT_THROW(ledger().note_copies({{{"work", "Lists", 3, 7, ""}, "g9", {}}}, at(1)), mail::Failure);
  EXPECT_FALSE(ledger().folder("work", "Lists")->done(7));
}

}  // namespace
}  // namespace mailstead::storage
