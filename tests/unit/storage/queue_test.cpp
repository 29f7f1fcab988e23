#include "tests/unit/storage/store_fixture.h"

#include <gmock/gmock.h>

#include <atomic>

namespace mailstead::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using State = RecipientOutcome::State;

class QueueContract : public StoreContract {
 protected:
  Queue& queue() { return store().queue(); }
  DeliveryId enqueue(std::size_t number, std::vector<std::string> recipients) {
    Acceptance acceptance = message(number);
    acceptance.placements.clear();
    acceptance.deliveries.push_back(delivery_to("relay", std::move(recipients)));
    acceptance.deliveries[0].flags.add("$Label");
    accepted(store(), acceptance);
    return queue().list().back().id;
  }
};
MAILSTEAD_FOR_EACH_STORE(QueueContract);

TEST_P(QueueContract, GivesWhatIsDueOldestFirst) {
  DeliveryId late = enqueue(9, {"a@x"});
  DeliveryId early = enqueue(2, {"b@x", "c@x"});
  EXPECT_THAT(queue().due("relay", at(1), 10, {}), IsEmpty());
  auto due = queue().due("relay", at(9), 10, {});
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].id, early);
  EXPECT_EQ(due[1].id, late);
  EXPECT_THAT(due[0].recipients, ElementsAre("b@x", "c@x"));
  EXPECT_EQ(due[0].size, body(2).size());
  EXPECT_EQ(due[0].subject, "Message 2");
  EXPECT_TRUE(due[0].flags.has_keyword("$label"));
  EXPECT_EQ(queue().due("relay", at(9), 1, {early}).at(0).id, late);
  EXPECT_EQ(queue().next_due("relay"), at(2));
  EXPECT_EQ(queue().size(), 2U);
}

TEST_P(QueueContract, WhatARuleHoldsIsNeverDueUntilReleasedAndSaysWhy) {
  Acceptance acceptance = message(1);
  acceptance.placements.clear();
  acceptance.deliveries.push_back(delivery_to("relay", {"a@x"}));
  acceptance.deliveries[0].quarantine = "looks infected";
  accepted(store(), acceptance);
  open();
  const QueuedDelivery found = queue().list().at(0);
  EXPECT_TRUE(found.quarantined);
  EXPECT_TRUE(found.held);
  EXPECT_EQ(found.last_error, "looks infected");
  EXPECT_THAT(queue().due("relay", at(1000), 10, {}), IsEmpty());
  EXPECT_FALSE(queue().next_due("relay"));
  // A hold by hand does not end the quarantine.
  EXPECT_THAT(queue().hold({found.id}, at(2)), IsEmpty());
  EXPECT_TRUE(queue().find(found.id)->quarantined);
  EXPECT_THAT(queue().release({found.id}, at(3)), IsEmpty());
  EXPECT_FALSE(queue().find(found.id)->quarantined);
  EXPECT_FALSE(queue().find(found.id)->held);
  EXPECT_EQ(queue().due("relay", at(1000), 10, {}).size(), 1U);
  // One that is held by hand is none.
  EXPECT_THAT(queue().hold({found.id}, at(4)), IsEmpty());
  EXPECT_TRUE(queue().find(found.id)->held);
  EXPECT_FALSE(queue().find(found.id)->quarantined);
  bool told = false;
  const auto history = store().history().by_id(found.message);
  for (const auto& event : history->events)
    told |= event.kind == "held" && event.text == "in quarantine for relay: looks infected";
  EXPECT_TRUE(told);
}

TEST_P(QueueContract, PlacesADeliveryInAMailboxInsteadOnce) {
  Acceptance acceptance = message(1);
  acceptance.placements.clear();
  acceptance.deliveries.push_back(delivery_to("home", {}));
  acceptance.deliveries[0].quarantine = "looks infected";
  accepted(store(), acceptance);
  const QueuedDelivery found = queue().list().at(0);
  NewPlacement placement;
  placement.user = "alice";
  placement.folder = "Checked";
  placement.flags = found.flags;
  placement.internal_date = at(1);
  EXPECT_TRUE(queue().place(found.id, placement, at(5)));
  EXPECT_FALSE(queue().place(found.id, placement, at(5)));
  open();
  EXPECT_EQ(queue().size(), 0U);
  const auto mailbox = store().mail().find("alice", "Checked");
  ASSERT_TRUE(mailbox);
  const auto snapshot = store().mail().open(mailbox->id);
  ASSERT_EQ(snapshot->entries.size(), 1U);
  const auto content = store().content().open(snapshot->entries[0].content);
  EXPECT_EQ(mail::read_range(*content, 0, content->size()), body(1));
  EXPECT_THAT(store().history().by_id(found.message)->placed_in, ElementsAre("alice/Checked"));
}

TEST_P(QueueContract, ABegunAttemptWithoutEndIsInDoubtForGood) {
  DeliveryId id = enqueue(1, {"a@x"});
  EXPECT_FALSE(queue().find(id)->answer_lost);
  queue().begin_attempt(id, at(1));
  open();
  EXPECT_TRUE(queue().find(id)->answer_lost);
  EXPECT_EQ(queue().find(id)->attempts, 1U);
  queue().begin_attempt(id, at(2));
  queue().end_attempt(id, at(2), {{{"a@x", State::kDeferred, "no route"}}, at(50), {}, {}, {}});
  EXPECT_TRUE(queue().find(id)->answer_lost);
  EXPECT_EQ(queue().find(id)->attempts, 2U);
}

TEST_P(QueueContract, HoldsWhatCrashesTheProcessTooOften) {
  DeliveryId id = enqueue(1, {"a@x"});
  for (unsigned crashes = 1; crashes < kPoisonAttempts; ++crashes) {
    auto after = queue().note_crash(id, at(crashes), at(crashes + 60), "it crashed");
    ASSERT_TRUE(after.has_value());
    EXPECT_EQ(after->crashes, crashes);
    EXPECT_FALSE(after->held);
    EXPECT_EQ(after->next_attempt, at(crashes + 60));
  }
  open();
  EXPECT_TRUE(queue().note_crash(id, at(9), at(70), "it crashed")->held);
  EXPECT_THAT(queue().due("relay", at(1000), 10, {}), IsEmpty());
  EXPECT_EQ(queue().find(id)->last_error, "it crashed");
  EXPECT_EQ(store().history().by_id(queue().find(id)->message)->events.back().kind, "crashed");
  EXPECT_THAT(queue().release({id}, at(10)), IsEmpty());
  EXPECT_EQ(queue().find(id)->crashes, 0U);
  EXPECT_FALSE(queue().note_crash(id, at(11), at(70), "once more")->held);
  EXPECT_FALSE(queue().note_crash(id + 1, at(11), at(70), "nothing").has_value());
}

TEST_P(QueueContract, AnEndedAttemptIsNotInDoubt) {
  DeliveryId id = enqueue(1, {"a@x"});
  queue().begin_attempt(id, at(1));
  queue().end_attempt(id, at(1), {{{"a@x", State::kDeferred, "451 later"}}, at(50), {}, {}, {}});
  auto found = *queue().find(id);
  EXPECT_FALSE(found.answer_lost);
  EXPECT_EQ(found.last_error, "451 later");
  EXPECT_EQ(found.next_attempt, at(50));
}

TEST_P(QueueContract, SettledRecipientsAreNeverTriedAgain) {
  DeliveryId id = enqueue(1, {"ok@x", "bad@x", "later@x"});
  MessageId message = queue().find(id)->message;
  queue().begin_attempt(id, at(1));
  queue().end_attempt(id, at(1),
                      {{{"ok@x", State::kDelivered, "250 ok"},
                        {"bad@x", State::kFailed, "550 no"},
                        {"later@x", State::kDeferred, "451 busy"}},
                       at(60),
                       {},
                       {},
                       {}});
  open();
  EXPECT_THAT(queue().find(id)->recipients, ElementsAre("later@x"));
  EXPECT_THAT(kinds(message), ElementsAre("received", "queued", "delivered", "attempt", "attempt"));
  queue().begin_attempt(id, at(60));
  queue().end_attempt(id, at(60), {{{"later@x", State::kDelivered, "250 ok"}}, at(60), {}, {}, {}});
  EXPECT_FALSE(queue().find(id));
  EXPECT_EQ(queue().next_due("relay"), std::nullopt);
  store().tidy(at(100));
  EXPECT_EQ(store().check(true).contents, 0U);
}

TEST_P(QueueContract, ADestinationWithoutRecipientsEndsAsAWhole) {
  DeliveryId id = enqueue(1, {});
  queue().begin_attempt(id, at(1));
  queue().end_attempt(id, at(1), {{{"", State::kDeferred, "disk full"}}, at(60), {}, {}, {}});
  ASSERT_TRUE(queue().find(id));
  queue().begin_attempt(id, at(60));
  queue().end_attempt(id, at(60), {{{"", State::kDelivered, ""}}, at(60), {}, {}, {}});
  EXPECT_FALSE(queue().find(id));
}

TEST_P(QueueContract, WhatCannotBeDeliveredIsReturnedInTheSameStep) {
  DeliveryId id = enqueue(1, {"bad@x"});
  queue().begin_attempt(id, at(1));
  ReturnTo returned{
      content_of("the report"), {"alice", "Undelivered", {}, at(1), 0}, {"alice", "Undelivered", {}, at(0), 0}};
  queue().end_attempt(id, at(1), {{{"bad@x", State::kFailed, "550 no such user"}}, at(1), returned, {}, {}});
  EXPECT_FALSE(queue().find(id));
  EXPECT_THAT(bodies("Undelivered"), ElementsAre("the report", body(1)));
  store().tidy(at(100));
  EXPECT_THAT(bodies("Undelivered"), ElementsAre("the report", body(1)));
  auto history = store().history().by_message_id("1@example.org").at(0);
  EXPECT_EQ(history.events.back().kind, "returned");
  EXPECT_THAT(history.events[2].text, HasSubstr("550 no such user"));
}

TEST_P(QueueContract, WhatIsRefusedMayWaitForItsUser) {
  DeliveryId id = enqueue(1, {"ok@x", "spam@x"});
  MessageId message = queue().find(id)->message;
  queue().begin_attempt(id, at(1));
  queue().end_attempt(id, at(1),
                      {{{"ok@x", State::kDelivered, "250 ok"}, {"spam@x", State::kDeferred, "571 no"}},
                       at(60),
                       {},
                       "spam: 571 no",
                       {}});
  open();
  ASSERT_TRUE(queue().find(id));
  EXPECT_TRUE(queue().find(id)->held);
  EXPECT_TRUE(queue().find(id)->quarantined);
  EXPECT_EQ(queue().find(id)->last_error, "spam: 571 no");
  EXPECT_THAT(queue().find(id)->recipients, ElementsAre("spam@x"));
  EXPECT_EQ(queue().next_due("relay"), std::nullopt);
  EXPECT_THAT(kinds(message), ElementsAre("received", "queued", "delivered", "attempt", "held"));
  EXPECT_THAT(queue().release({id}, at(70)), IsEmpty());
  EXPECT_FALSE(queue().find(id)->held);
}

TEST_P(QueueContract, AMessageMayBeKeptWithoutAReport) {
  DeliveryId id = enqueue(1, {"bad@x"});
  queue().begin_attempt(id, at(1));
  ReturnTo kept{{}, {}, {"alice", "Undelivered", {}, at(0), 0}};
  queue().end_attempt(id, at(1), {{{"bad@x", State::kFailed, "554 spam"}}, at(1), kept, {}, {}});
  EXPECT_FALSE(queue().find(id));
  EXPECT_THAT(bodies("Undelivered"), ElementsAre(body(1)));
}

TEST_P(QueueContract, WhatTheUserWantsOfSeveralIsDoneToThoseThatExist) {
  DeliveryId first = enqueue(1, {"a@x"}), second = enqueue(2, {"a@x"});
  MessageId message = queue().find(first)->message;
  EXPECT_TRUE(queue().retry_at(first, at(500)));
  EXPECT_EQ(queue().next_due("relay"), at(2));
  EXPECT_THAT(queue().retry_now({first, second + 7}, at(400)), ElementsAre(second + 7));
  EXPECT_EQ(queue().find(first)->next_attempt, at(400));
  EXPECT_THAT(queue().drop({first, second + 7, second}, at(2), "not wanted"), ElementsAre(second + 7));
  EXPECT_THAT(queue().drop({first}, at(2), "not wanted"), ElementsAre(first));
  EXPECT_FALSE(queue().retry_at(first, at(3)));
  EXPECT_THAT(kinds(message), ElementsAre("received", "queued", "discarded"));
  EXPECT_EQ(queue().size(), 0U);
}

TEST_P(QueueContract, WhatIsHeldIsNeverDueUntilItIsReleasedOrRetried) {
  DeliveryId id = enqueue(1, {"a@x"});
  MessageId message = queue().find(id)->message;
  EXPECT_THAT(queue().hold({id}, at(2)), IsEmpty());
  open();
  EXPECT_TRUE(queue().find(id)->held);
  EXPECT_THAT(queue().due("relay", at(900), 10, {}), IsEmpty());
  EXPECT_EQ(queue().next_due("relay"), std::nullopt);
  EXPECT_THAT(queue().release({id}, at(3)), IsEmpty());
  EXPECT_EQ(queue().due("relay", at(900), 10, {}).size(), 1U);
  EXPECT_THAT(kinds(message), ElementsAre("received", "queued", "held", "released"));
  EXPECT_THAT(queue().hold({id}, at(4)), IsEmpty());
  EXPECT_THAT(queue().retry_now({id}, at(5)), IsEmpty());
  EXPECT_FALSE(queue().find(id)->held);
  EXPECT_EQ(queue().next_due("relay"), at(5));
}

TEST_P(QueueContract, EachDestinationHasItsOwnTurn) {
  enqueue(1, {"a@x"});
  enqueue(2, {"a@x"});
  Acceptance other = message(3);
  other.placements.clear();
  other.deliveries.push_back(delivery_to("archive", {}));
  accepted(store(), other);
  EXPECT_THAT(queue().destinations(), ElementsAre("archive", "relay"));
  ASSERT_EQ(queue().due("archive", at(9), 10, {}).size(), 1U);
  EXPECT_EQ(queue().due("archive", at(9), 10, {})[0].destination, "archive");
  EXPECT_EQ(queue().next_due("archive"), at(3));
  EXPECT_EQ(queue().next_due("nowhere"), std::nullopt);
  EXPECT_EQ(queue().waiting("relay"), 2U);
  EXPECT_EQ(queue().waiting("nowhere"), 0U);
}

TEST_P(QueueContract, ASessionThatBrokeBeforeTheMessageCountsAsAnAttempt) {
  DeliveryId id = enqueue(1, {"a@x"});
  queue().end_attempt(id, at(1), {{{"a@x", State::kDeferred, "no route"}}, at(50), {}, {}, {}});
  EXPECT_EQ(queue().find(id)->attempts, 1U);
  queue().begin_attempt(id, at(50));
  queue().end_attempt(id, at(50), {{{"a@x", State::kDeferred, "later"}}, at(90), {}, {}, {}});
  EXPECT_EQ(queue().find(id)->attempts, 2U);
}

TEST_P(QueueContract, AWarningIsKeptAndRemembered) {
  DeliveryId id = enqueue(1, {"a@x"});
  MessageId message = queue().find(id)->message;
  Notice warning{content_of("it is late"), {"alice", "Undelivered", {}, at(1), 0}};
  queue().end_attempt(id, at(1), {{{"a@x", State::kDeferred, "later"}}, at(50), {}, {}, warning});
  open();
  EXPECT_TRUE(queue().find(id)->warned);
  EXPECT_THAT(bodies("Undelivered"), ElementsAre("it is late"));
  EXPECT_EQ(kinds(message).back(), "delayed");
  queue().end_attempt(id, at(50), {{{"a@x", State::kDeferred, "later"}}, at(90), {}, {}, {}});
  EXPECT_TRUE(queue().find(id)->warned);
}

TEST_P(QueueContract, TellsOfNewAndEarlierDeliveries) {
  std::atomic<int> told{0};
  queue().on_change([&] { ++told; });
  DeliveryId id = enqueue(1, {"a@x"});
  store().acceptor().flush();
  EXPECT_EQ(told.load(), 1);
  EXPECT_TRUE(queue().retry_at(id, at(0)));
  store().acceptor().flush();
  EXPECT_EQ(told.load(), 2);
  queue().on_change(nullptr);
}

class PeopleContract : public StoreContract {};
MAILSTEAD_FOR_EACH_STORE(PeopleContract);

TEST_P(PeopleContract, AccountStateComesBackWhole) {
  AccountState state;
  state.account = "work'; --";
  state.last_poll = at(1);
  state.next_poll = at(2);
  state.retrieved_total = 1ULL << 40;
  state.failures = 3;
  state.last_error = "no such host";
  state.paused = true;
  state.configuration_digest = "abc";
  state.remote_capabilities = std::string("IDLE\0MOVE", 9);
  store().accounts().save(state);
  state.duplicates_total = 5;
  store().accounts().save(state);
  open();
  EXPECT_EQ(store().accounts().states().size(), 1U);
  AccountState found = store().accounts().state(state.account).value();
  EXPECT_EQ(found.last_poll, state.last_poll);
  EXPECT_EQ(found.last_success, std::nullopt);
  EXPECT_EQ(found.next_poll, state.next_poll);
  EXPECT_EQ(found.retrieved_total, state.retrieved_total);
  EXPECT_EQ(found.duplicates_total, 5U);
  EXPECT_EQ(found.failures, 3U);
  EXPECT_TRUE(found.paused);
  EXPECT_EQ(found.remote_capabilities, state.remote_capabilities);
  EXPECT_FALSE(store().accounts().state("other"));
}

TEST_P(PeopleContract, UsersAreAddedChangedAndRemoved) {
  EXPECT_TRUE(store().users().add({"alice", "keys", at(0)}));
  EXPECT_FALSE(store().users().add({"alice", "other", at(0)}));
  EXPECT_TRUE(store().users().set_keys("alice", "new"));
  EXPECT_FALSE(store().users().set_keys("bob", "new"));
  EXPECT_EQ(store().users().find("alice")->keys, "new");
  std::vector<std::string> names;
  for (const Mailbox& box : store().mail().mailboxes("alice")) names.push_back(box.name);
  EXPECT_THAT(names, ElementsAre("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "Undelivered"));
  EXPECT_EQ(box("Sent").special_use, "\\Sent");
  EXPECT_TRUE(store().users().remove("alice"));
  EXPECT_FALSE(store().users().remove("alice"));
  EXPECT_TRUE(store().mail().find("alice", "INBOX"));
}

TEST_P(PeopleContract, AppPasswordsComeAndGo) {
  Users& users = store().users();
  ASSERT_TRUE(users.add({"alice", "keys", at(0)}));
  ASSERT_TRUE(users.add({"bob", "keys", at(0)}));
  EXPECT_EQ(users.add_app_password("alice", {"phone", "p", at(1)}), AppPasswordAnswer::kDone);
  EXPECT_EQ(users.add_app_password("alice", {"desk", "d", at(2)}), AppPasswordAnswer::kDone);
  EXPECT_EQ(users.add_app_password("bob", {"phone", "b", at(3)}), AppPasswordAnswer::kDone);
  EXPECT_EQ(users.add_app_password("alice", {"phone", "other", at(4)}), AppPasswordAnswer::kExists);
  EXPECT_EQ(users.add_app_password("carol", {"phone", "p", at(4)}), AppPasswordAnswer::kNoSuchUser);
  auto alice = users.find("alice")->app_passwords;
  ASSERT_EQ(alice.size(), 2U);
  EXPECT_EQ(alice[0].name, "desk");
  EXPECT_EQ(alice[1].keys, "p");
  EXPECT_EQ(alice[1].created, at(1));
  EXPECT_FALSE(alice[1].last_use);
  EXPECT_EQ(users.list()[1].app_passwords.size(), 1U);

  users.note_uses({{"alice", "phone", at(9)}, {"alice", "gone", at(9)}, {"bob", "phone", at(8)}});
  EXPECT_EQ(users.find("alice")->app_passwords[1].last_use, at(9));
  EXPECT_FALSE(users.find("alice")->app_passwords[0].last_use);
  EXPECT_EQ(users.find("bob")->app_passwords[0].last_use, at(8));

  EXPECT_TRUE(users.remove_app_password("alice", "phone"));
  EXPECT_FALSE(users.remove_app_password("alice", "phone"));
  EXPECT_EQ(users.find("alice")->app_passwords.size(), 1U);
  EXPECT_EQ(users.find("bob")->app_passwords.size(), 1U);
  // They go with their user, and do not come back with another of that name.
  EXPECT_TRUE(users.remove("alice"));
  ASSERT_TRUE(users.add({"alice", "keys", at(5)}));
  EXPECT_TRUE(users.find("alice")->app_passwords.empty());
  for (std::size_t i = 0; i < kMaxAppPasswords; ++i)
    EXPECT_EQ(users.add_app_password("alice", {std::to_string(i), "k", at(6)}), AppPasswordAnswer::kDone);
  EXPECT_EQ(users.add_app_password("alice", {"more", "k", at(6)}), AppPasswordAnswer::kTooMany);
}

TEST_P(PeopleContract, TheDecoySecretStays) {
  const std::string secret = store().users().decoy_secret();
  EXPECT_EQ(secret.size(), 32U);
  EXPECT_EQ(store().users().decoy_secret(), secret);
}

TEST_P(PeopleContract, HistoryIsFoundByIdAndByWords) {
  accepted(store(), message(1));
  MessageId second = accepted(store(), message(2)).message;
  store().history().add(second, {at(9), "rule", "by hand"});
  EXPECT_EQ(store().history().by_message_id("<2@example.org>").at(0).id, second);
  EXPECT_EQ(store().history().by_message_id("2@example.org").at(0).events.back().text, "by hand");
  auto found = store().history().search("mESSAGE", 10);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id, second);
  EXPECT_EQ(store().history().search("Message", 1).size(), 1U);
  EXPECT_THAT(store().history().search("100%", 10), IsEmpty());
  EXPECT_FALSE(store().history().by_id(12345));
}

}  // namespace
}  // namespace mailstead::storage
