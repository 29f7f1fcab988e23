#include "tests/unit/storage/store_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>

namespace mailstead::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Outcome = AcceptReceipt::Outcome;

class AcceptorContract : public StoreContract {
 protected:
  // Holds the writer inside the callback of message 9999 until the result is called: what is handed over meanwhile
  // waits and is taken together.
  std::function<void()> hold_writer() {
    auto gate = std::make_shared<std::promise<void>>();
    auto inside = std::make_shared<std::promise<void>>();
    Acceptance first = message(9999);
    first.source.account = "gate";
    first.placements[0].folder = "gate";
    store().acceptor().accept(std::move(first), [gate, inside](const AcceptResult&) {
      inside->set_value();
      gate->get_future().wait();
    });
    inside->get_future().wait();
    return [gate] { gate->set_value(); };
  }
};
MAILSTEAD_FOR_EACH_STORE(AcceptorContract);

TEST_P(AcceptorContract, KeepsBytesLedgerPlacementAndHistoryTogether) {
  AcceptReceipt receipt = accepted(store(), message(5));
  EXPECT_EQ(receipt.outcome, Outcome::kAccepted);
  EXPECT_THAT(bodies("INBOX"), ElementsAre(body(5)));
  EXPECT_TRUE(store().ledger().folder("work", "INBOX")->done(5));
  EXPECT_FALSE(store().ledger().folder("work", "INBOX")->done(4));
  EXPECT_THAT(kinds(receipt.message), ElementsAre("received", "placed"));
  EXPECT_THAT(store().history().by_id(receipt.message)->placed_in, ElementsAre("alice/INBOX"));
}

TEST_P(AcceptorContract, SurvivesReopening) {
  for (std::size_t i = 1; i <= 50; ++i) accepted(store(), message(i, body(i, i * 100)));
  open();
  std::vector<std::string> expected;
  for (std::size_t i = 1; i <= 50; ++i) expected.push_back(body(i, i * 100));
  EXPECT_EQ(bodies("INBOX"), expected);
  accepted(store(), message(51));
  EXPECT_EQ(snapshot("INBOX").entries.back().uid, 51U);
}

TEST_P(AcceptorContract, RefusesAMessageThatWouldBeNowhere) {
  Acceptance nowhere = message(1);
  nowhere.placements.clear();
  AcceptResult result = accept_now(store(), nowhere);
  ASSERT_TRUE(std::holds_alternative<mail::Failure>(result));
  EXPECT_EQ(std::get<mail::Failure>(result).kind(), mail::FailureKind::kPermanent);
  EXPECT_FALSE(store().ledger().folder("work", "INBOX"));
}

TEST_P(AcceptorContract, AFailureInAGroupDoesNotHarmItsNeighbours) {
  std::vector<bool> failed(20);
  auto release = hold_writer();
  for (std::size_t i = 0; i < failed.size(); ++i) {
    Acceptance acceptance = message(i + 1);
    if (i % 3 == 1) acceptance.placements[0].folder = "bad//name";
    if (i % 5 == 3) acceptance.source.uid_validity = 8;  // found only inside the transaction
    store().acceptor().accept(std::move(acceptance), [&failed, i](const AcceptResult& result) {
      failed[i] = std::holds_alternative<mail::Failure>(result);
    });
    if (i == 1) release();  // the rest may have to wait for room
  }
  store().acceptor().flush();
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < failed.size(); ++i) {
    EXPECT_EQ(failed[i], i % 3 == 1 || i % 5 == 3) << i;
    if (!failed[i]) expected.push_back(body(i + 1));
  }
  EXPECT_EQ(bodies("INBOX"), expected);
}

TEST_P(AcceptorContract, WatchersLearnOfTheGoodOnesOfAFailedGroup) {
  ASSERT_TRUE(store().users().add({"alice", "keys", at(0)}));
  std::atomic<int> told{0};
  std::atomic<int> queue_told{0};
  auto handle = store().mail().watch(box("INBOX").id, [&] { ++told; });
  store().queue().on_change([&] { ++queue_told; });
  auto release = hold_writer();
  Acceptance good = message(1, "x");
  good.deliveries.push_back(delivery_to("relay", {}));
  store().acceptor().accept(std::move(good), nullptr);
  Acceptance bad = message(2, "y");
  bad.source.uid_validity = 8;
  store().acceptor().accept(std::move(bad), nullptr);
  release();
  store().acceptor().flush();
  store().acceptor().flush();  // the notice follows the end of the commands
  EXPECT_EQ(told.load(), 1);
  EXPECT_EQ(queue_told.load(), 1);
  store().queue().on_change(nullptr);
}

TEST_P(AcceptorContract, TellsInOrderOfTheCalls) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    store().acceptor().accept(message(static_cast<std::size_t>(i) + 1),
                              [&order, i](const AcceptResult&) { order.push_back(i); });
  }
  store().acceptor().flush();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

// Acceptances may gather for a moment: that moment must end by itself.
TEST_P(AcceptorContract, ALoneAcceptanceBecomesDurableThoughNobodyFlushes) {
  std::promise<AcceptResult> ended;
  store().acceptor().accept(message(1), [&](const AcceptResult& result) { ended.set_value(result); });
  auto result = ended.get_future();
  ASSERT_EQ(result.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_TRUE(std::holds_alternative<AcceptReceipt>(result.get()));
}

TEST_P(AcceptorContract, SameSourceAgainChangesNothing) {
  accepted(store(), message(1));
  Acceptance again = message(1);
  again.cleanup_at = at(10);
  EXPECT_EQ(accepted(store(), again).outcome, Outcome::kAlreadyRetrieved);
  EXPECT_EQ(snapshot("INBOX").entries.size(), 1U);
  EXPECT_EQ(store().ledger().cleanup_due("work", "INBOX", at(10)).size(), 1U);
}

TEST_P(AcceptorContract, SameUidlAgainNamesTheMessage) {
  Acceptance pop = message(1);
  pop.source = {"isp", "", 0, 0, "'; DROP TABLE messages; --"};
  AcceptReceipt first = accepted(store(), pop);
  AcceptReceipt second = accepted(store(), pop);
  EXPECT_EQ(second.outcome, Outcome::kAlreadyRetrieved);
  EXPECT_EQ(second.message, first.message);
  EXPECT_THAT(uidls_of(store().ledger(), "isp"), ElementsAre("'; DROP TABLE messages; --"));
}

struct DuplicateCase {
  const char* name;
  DuplicateRule rule;
  const char* account;
  std::int64_t later;
  bool duplicate;
};

TEST_P(AcceptorContract, RecognisesDuplicatesInsideScopeAndWindow) {
  using Scope = DuplicateRule::Scope;
  const DuplicateCase cases[] = {
      {"all, other account", {Scope::kAll, std::chrono::seconds(0)}, "other", 10, true},
      {"all, inside the window", {Scope::kAll, std::chrono::seconds(100)}, "other", 100, true},
      {"all, behind the window", {Scope::kAll, std::chrono::seconds(100)}, "other", 102, false},
      {"account, other account", {Scope::kAccount, std::chrono::seconds(0)}, "other", 10, false},
      {"account, same account", {Scope::kAccount, std::chrono::seconds(0)}, "work", 10, true},
      {"none", {Scope::kNone, std::chrono::seconds(0)}, "other", 10, false},
  };
  std::size_t number = 1;
  for (const DuplicateCase& row : cases) {
    SCOPED_TRACE(row.name);
    number += 10;
    std::size_t before = store().mail().find("alice", "INBOX") ? snapshot("INBOX").entries.size() : 0;
    AcceptReceipt original = accepted(store(), message(number));
    Acceptance copy = message(number);
    copy.source = {row.account, "INBOX", 7, static_cast<Uid>(number + 1), ""};
    copy.now = at(static_cast<std::int64_t>(number) + row.later);
    copy.duplicates = row.rule;
    copy.cleanup_at = at(0);
    AcceptReceipt receipt = accepted(store(), copy);
    EXPECT_EQ(receipt.outcome, row.duplicate ? Outcome::kDuplicate : Outcome::kAccepted);
    EXPECT_EQ(receipt.duplicate_of, row.duplicate ? original.message : 0);
    EXPECT_EQ(snapshot("INBOX").entries.size(), before + (row.duplicate ? 1 : 2));
    EXPECT_TRUE(store().ledger().folder(row.account, "INBOX")->done(static_cast<Uid>(number + 1)));
    EXPECT_FALSE(store().ledger().cleanup_due(row.account, "INBOX", at(0)).empty());
    if (row.duplicate) {
      EXPECT_THAT(kinds(receipt.message), ElementsAre("received", "duplicate"));
    }
  }
}

TEST_P(AcceptorContract, RecognisesADuplicateInsideOneGroup) {
  std::vector<Outcome> outcomes;
  auto release = hold_writer();
  for (Uid uid = 1; uid <= 3; ++uid) {
    Acceptance same = message(1);
    same.source.uid = uid;
    store().acceptor().accept(std::move(same), [&](const AcceptResult& result) {
      outcomes.push_back(std::get<AcceptReceipt>(result).outcome);
    });
  }
  release();
  store().acceptor().flush();
  EXPECT_THAT(outcomes, ElementsAre(Outcome::kAccepted, Outcome::kDuplicate, Outcome::kDuplicate));
}

TEST_P(AcceptorContract, EqualBytesAreKeptOnce) {
  Acceptance first = message(1);
  Acceptance second = message(1);
  second.source.account = "other";
  second.duplicates.scope = DuplicateRule::Scope::kNone;
  accepted(store(), first);
  accepted(store(), second);
  Snapshot inbox = snapshot("INBOX");
  ASSERT_EQ(inbox.entries.size(), 2U);
  EXPECT_EQ(inbox.entries[0].content, inbox.entries[1].content);
  EXPECT_EQ(store().check(true).contents, 1U);
}

TEST_P(AcceptorContract, UnusedContentsAreNotKept) {
  Acceptance discarded = message(1);
  discarded.placements.clear();
  discarded.discarded = true;
  discarded.events.push_back({at(1), "discarded", "rule junk"});
  AcceptReceipt receipt = accepted(store(), discarded);
  EXPECT_EQ(receipt.outcome, Outcome::kAccepted);
  EXPECT_EQ(store().check(true).contents, 0U);
  EXPECT_THAT(kinds(receipt.message), ElementsAre("received", "discarded"));
}

TEST_P(AcceptorContract, EmptyContentIsAMessageToo) {
  accepted(store(), message(1, ""));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(""));
}

TEST_P(AcceptorContract, RefusesAnotherNumberingUntilRestart) {
  accepted(store(), message(1));
  Acceptance renumbered = message(2);
  renumbered.source.uid_validity = 8;
  AcceptResult result = accept_now(store(), renumbered);
  ASSERT_TRUE(std::holds_alternative<mail::Failure>(result));
  EXPECT_EQ(std::get<mail::Failure>(result).scope(), mail::FailureScope::kFolder);
  store().ledger().restart_folder("work", "INBOX", 8);
  EXPECT_EQ(accepted(store(), renumbered).outcome, Outcome::kAccepted);
}

TEST_P(AcceptorContract, NamesAndFlagsAreOnlyData) {
  const std::string odd[] = {"'; DROP TABLE messages; --", "a%_\\b", "..", "Ünïcode/☃", "\"quoted\" name"};
  std::size_t number = 0;
  for (const std::string& name : odd) {
    SCOPED_TRACE(name);
    Acceptance acceptance = message(++number);
    acceptance.source.account = name;
    acceptance.source.folder = name;
    acceptance.subject = name;
    acceptance.placements[0].user = name;
    acceptance.placements[0].folder = name;
    acceptance.placements[0].flags.add("$Key'word");
    acceptance.placements[0].flags.add("\\Flagged");
    accepted(store(), acceptance);
    Snapshot placed = snapshot(name, name);
    ASSERT_EQ(placed.entries.size(), 1U);
    EXPECT_EQ(placed.entries[0].flags, mail::kFlagged);
    EXPECT_THAT(placed.keyword_sets[placed.entries[0].keywords], ElementsAre("$Key'word"));
    ASSERT_EQ(store().history().search(name, 10).size(), 1U);
  }
}

TEST_P(AcceptorContract, TenThousandNamesAndFlagsComeBack) {
  for (std::size_t i = 0; i < 10'000; ++i) {
    Acceptance acceptance = message(i + 1, "one body");
    acceptance.fingerprint = {};
    acceptance.placements[0].flags.system = static_cast<std::uint8_t>(i % 32);
    acceptance.placements[0].flags.add("$k" + std::to_string(i % 100) + "'");
    acceptance.placements[0].folder = "f'" + std::to_string(i % 50) + "/\"x\"; --";
    store().acceptor().accept(std::move(acceptance), nullptr);
  }
  store().acceptor().flush();
  std::size_t seen = 0;
  for (std::size_t f = 0; f < 50; ++f) {
    Snapshot placed = snapshot("f'" + std::to_string(f) + "/\"x\"; --");
    ASSERT_EQ(placed.entries.size(), 200U);
    for (std::size_t j = 0; j < placed.entries.size(); ++j, ++seen) {
      std::size_t i = j * 50 + f;
      ASSERT_EQ(placed.entries[j].flags, i % 32);
      ASSERT_EQ(placed.keyword_sets[placed.entries[j].keywords].at(0), "$k" + std::to_string(i % 100) + "'");
    }
  }
  EXPECT_EQ(seen, 10'000U);
}

TEST_P(AcceptorContract, ContentsThroughTheStoreKeepEveryByte) {
  std::string all;
  for (int round = 0; round < 20; ++round) {
    for (int octet = 0; octet < 256; ++octet) all += static_cast<char>(octet);
  }
  std::size_t number = 0;
  for (std::size_t size : {0U, 1U, 255U, 256U, 257U, 4095U, 4096U, 5120U}) {
    for (std::size_t step : {1U, 7U, 1000U, 8192U}) {
      std::string bytes = all.substr(0, size) + std::to_string(number);
      Acceptance acceptance = message(++number, bytes);
      acceptance.contents[0] = content_through(store().content(), bytes, step);
      EXPECT_EQ(read_all(*acceptance.contents[0].bytes), bytes);
      accepted(store(), acceptance);
      EXPECT_EQ(bodies("INBOX").back(), bytes);
    }
  }
}

TEST_P(AcceptorContract, TidyingDropsWhatNothingRefersToAndKeepsTheRest) {
  for (std::size_t i = 1; i <= 40; ++i) accepted(store(), message(i, body(i, 3000)));
  MailboxId inbox = box("INBOX").id;
  std::vector<Uid> uids;
  for (Uid uid = 1; uid <= 40; ++uid) {
    if (uid % 4 != 0) uids.push_back(uid);
  }
  Snapshot before = snapshot("INBOX");
  std::shared_ptr<const mail::Content> held = store().content().open(before.entries[0].content);
  std::shared_ptr<const mail::Content> moved = store().content().open(before.entries[3].content);
  EXPECT_EQ(store().mail().expunge(inbox, uids, true), uids);
  store().tidy(at(100));
  store().tidy(at(100));
  CheckReport report = store().check(true);
  EXPECT_THAT(report.problems, ElementsAre());
  EXPECT_EQ(report.contents, 10U);
  EXPECT_LE(report.dead_bytes * 2, report.bytes);
  EXPECT_EQ(read_all(*held), body(1, 3000));
  EXPECT_EQ(read_all(*moved), body(4, 3000));
  open();
  std::vector<std::string> expected;
  for (std::size_t i = 4; i <= 40; i += 4) expected.push_back(body(i, 3000));
  EXPECT_EQ(bodies("INBOX"), expected);
  accepted(store(), message(41));
}

TEST_P(AcceptorContract, TidyingForgetsFingerprintsBehindTheirWindow) {
  Acceptance first = message(1);
  first.duplicates.window = std::chrono::seconds(10);
  accepted(store(), first);
  store().tidy(at(100));
  Acceptance second = message(1);
  second.source.uid = 2;
  second.duplicates.window = std::chrono::seconds(0);
  EXPECT_EQ(accepted(store(), second).outcome, Outcome::kAccepted);
}

}  // namespace
}  // namespace mailstead::storage
