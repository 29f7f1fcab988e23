#include "agent/delivery/attempt.h"

#include "agent/delivery/trace.h"
#include "tests/unit/agent/world.h"

#include <gmock/gmock.h>

#include <future>

namespace mailstead::agent {
namespace {

using delivery::Reply;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kMessage = "Subject: hi\r\nMessage-ID: <q@x>\r\n\r\nbody\r\n";

// Answers as it was told; remembers what it was given.
class ScriptedTransport final : public delivery::Transport {
 public:
  delivery::Result deliver(const delivery::Outgoing& message, const delivery::Context& context) override {
    given = mail::read_range(*message.content, 0, message.content->size());
    answer_lost = message.answer_lost;
    ++deliveries;
    if (commits) context.before_commit();
    return result;
  }
  [[nodiscard]] bool worth_keeping() const noexcept override { return false; }
  void close() noexcept override {}

  delivery::Result result;
  bool commits = true;
  std::string given;
  bool answer_lost = false;
  int deliveries = 0;
};

class AttemptTest : public World {
 protected:
  void SetUp() override {
    configure(R"("destinations": {"out": {"type": "smtp", "host": "relay.example", "to": ["a@x", "b@x"],
                                          "user": "u", "password": {"env": "P"}},
                                  "home": {"type": "mailbox", "user": "me"}},
                 "default_destination": "home", "host_name": "agent.example")");
  }

  storage::QueuedDelivery queued(const std::string& bytes = kMessage) {
    const auto facts = mail::scan_message(bytes);
    storage::Acceptance acceptance;
    acceptance.source = {"work", "INBOX", 1, ++uid_, ""};
    acceptance.now = clock.now;
    acceptance.internal_date = clock.now;
    acceptance.size = bytes.size();
    acceptance.fingerprint = facts.fingerprint;
    acceptance.message_id = facts.message_id;
    acceptance.contents.push_back({std::make_shared<mail::MemoryContent>(bytes), facts.content, facts.header.size(),
                                   mail::encode_structure(facts.structure)});
    storage::NewDelivery delivery;
    delivery.destination = "out";
    delivery.sender = "bob@x";
    delivery.recipients = {"a@x", "b@x"};
    delivery.internal_date = clock.now;
    acceptance.deliveries.push_back(delivery);
    store->acceptor().accept(std::move(acceptance), [](const auto&) {});
    store->acceptor().flush();
    return store->queue().list().back();
  }

  AttemptEnd run(const storage::QueuedDelivery& delivery) {
    return attempt({*store, *config, instance_, clock}, transport_, true, delivery, {});
  }

  void answer(Reply::Kind first, Reply::Kind second, bool lost = false) {
    transport_.result = {};
    transport_.result.answers = {{"a@x", reply(first), lost}, {"b@x", reply(second), lost}};
  }

  static Reply reply(Reply::Kind kind) {
    switch (kind) {
      case Reply::Kind::kAccepted: return {kind, 250, "2.0.0", "taken"};
      case Reply::Kind::kTemporary: return {kind, 451, "4.3.0", "not now"};
      case Reply::Kind::kPermanent: return {kind, 550, "5.1.1", "nobody <here>"};
    }
    return {};
  }

  ScriptedTransport transport_;
  const std::string instance_ = "0123456789";
  storage::Uid uid_ = 0;
};

TEST_F(AttemptTest, WhatIsDeliveredLeavesTheQueue) {
  answer(Reply::Kind::kAccepted, Reply::Kind::kAccepted);
  EXPECT_EQ(run(queued()).delivered, 2U);
  EXPECT_THAT(store->queue().list(), IsEmpty());
}

TEST_F(AttemptTest, TheMessageCarriesOurTraceAndIsOtherwiseUntouched) {
  answer(Reply::Kind::kAccepted, Reply::Kind::kAccepted);
  (void)run(queued());
  EXPECT_TRUE(transport_.given.starts_with("Received: by agent.example"));
  EXPECT_THAT(transport_.given, HasSubstr("X-Mailstead-Trace: 0123456789\r\n"));
  EXPECT_TRUE(transport_.given.ends_with("\r\n" + kMessage));
}

TEST_F(AttemptTest, OnlyTheDeferredRecipientIsTriedAgainAndLater) {
  answer(Reply::Kind::kAccepted, Reply::Kind::kTemporary);
  const auto end = run(queued());
  EXPECT_EQ(end.delivered, 1U);
  EXPECT_EQ(end.deferred, 1U);
  const auto waiting = store->queue().list();
  ASSERT_THAT(waiting, SizeIs(1));
  EXPECT_THAT(waiting[0].recipients, ElementsAre("b@x"));
  EXPECT_GE(waiting[0].next_attempt, clock.now + config->retry.schedule.front());
  EXPECT_THAT(waiting[0].last_error, HasSubstr("not now"));
}

TEST_F(AttemptTest, ARefusalForGoodIsReturnedWithTheRemotesWordsAndTheMessage) {
  answer(Reply::Kind::kAccepted, Reply::Kind::kPermanent);
  EXPECT_EQ(run(queued()).failed, 1U);
  EXPECT_THAT(store->queue().list(), IsEmpty());
  const auto kept = bodies("Undelivered");
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_THAT(kept, Contains(kMessage));
  EXPECT_THAT(kept,
              Contains(testing::AllOf(HasSubstr("multipart/report"), HasSubstr("550 5.1.1 nobody"), HasSubstr("b@x"))));
}

TEST_F(AttemptTest, WhatIsDeferredForTooLongIsReturnedAfterALastTry) {
  answer(Reply::Kind::kTemporary, Reply::Kind::kTemporary);
  (void)run(queued());
  clock.now += config->retry.give_up + std::chrono::hours(1);
  EXPECT_EQ(run(store->queue().list().at(0)).failed, 2U);
  EXPECT_EQ(transport_.deliveries, 2);
  EXPECT_THAT(bodies("Undelivered"), Contains(HasSubstr("gave up")));
}

TEST_F(AttemptTest, ALostAnswerStaysOnRecordForTheNextTry) {
  answer(Reply::Kind::kTemporary, Reply::Kind::kTemporary, true);
  transport_.result.failure.emplace(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "connection closed");
  EXPECT_TRUE(run(queued()).destination_down);
  const auto waiting = store->queue().list();
  ASSERT_THAT(waiting, SizeIs(1));
  EXPECT_TRUE(waiting[0].answer_lost);
  EXPECT_GT(waiting[0].next_attempt, clock.now);
  answer(Reply::Kind::kAccepted, Reply::Kind::kAccepted);
  (void)run(waiting[0]);
  EXPECT_TRUE(transport_.answer_lost);
  EXPECT_THAT(store->queue().list(), IsEmpty());
}

TEST_F(AttemptTest, AnAnswerThatIsLostForTooLongIsNotTriedForEver) {
  answer(Reply::Kind::kTemporary, Reply::Kind::kTemporary, true);
  transport_.result.failure.emplace(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "connection closed");
  (void)run(queued());
  clock.now += config->retry.give_up + std::chrono::hours(1);
  EXPECT_EQ(run(store->queue().list().at(0)).failed, 2U);
  EXPECT_THAT(store->queue().list(), IsEmpty());
  EXPECT_THAT(bodies("Undelivered"), Contains(kMessage));
}

TEST_F(AttemptTest, ADelayIsReportedOnceWhenItHasBecomeLong) {
  answer(Reply::Kind::kTemporary, Reply::Kind::kTemporary);
  EXPECT_FALSE(run(queued()).warned);
  EXPECT_THAT(bodies("Undelivered"), IsEmpty());
  clock.now += config->retry.warn_after + std::chrono::minutes(1);
  EXPECT_TRUE(run(store->queue().list().at(0)).warned);
  EXPECT_FALSE(run(store->queue().list().at(0)).warned);
  EXPECT_THAT(bodies("Undelivered"),
              ElementsAre(testing::AllOf(HasSubstr("Action: delayed"), HasSubstr("451 4.3.0 not now"), HasSubstr("b@x"),
                                         HasSubstr("Subject: hi"))));
  EXPECT_THAT(store->queue().list(), SizeIs(1));
}

TEST_F(AttemptTest, WhatIsTooOldIsGivenUpWithoutAnAttemptWhenItsDestinationIsDown) {
  const AttemptRoom room{*store, *config, instance_, clock};
  const auto delivery = queued();
  EXPECT_FALSE(give_up_if_old(room, delivery, "no route"));
  EXPECT_THAT(store->queue().list(), SizeIs(1));
  clock.now += config->retry.give_up + std::chrono::hours(1);
  EXPECT_TRUE(give_up_if_old(room, delivery, "no route"));
  EXPECT_THAT(store->queue().list(), IsEmpty());
  EXPECT_THAT(bodies("Undelivered"), Contains(HasSubstr("gave up: 4.4.1 no route")));
}

TEST_F(AttemptTest, AStopRequestRecordsNothing) {
  transport_.commits = false;
  answer(Reply::Kind::kTemporary, Reply::Kind::kTemporary);
  transport_.result.failure.emplace(mail::FailureKind::kCancelled, mail::FailureScope::kSession, "stopping");
  const auto before = queued();
  EXPECT_TRUE(run(before).cancelled);
  const auto waiting = store->queue().list();
  ASSERT_THAT(waiting, SizeIs(1));
  EXPECT_EQ(waiting[0].attempts, before.attempts);
  EXPECT_EQ(waiting[0].next_attempt, before.next_attempt);
}

TEST_F(AttemptTest, WhatItsUserHoldsOrDropsMeanwhileIsNotSent) {
  answer(Reply::Kind::kAccepted, Reply::Kind::kAccepted);
  const auto in_hand = queued();
  EXPECT_THAT(store->queue().hold({in_hand.id}, clock.now), IsEmpty());
  EXPECT_TRUE(run(in_hand).cancelled);
  EXPECT_THAT(store->queue().drop({in_hand.id}, clock.now, ""), IsEmpty());
  EXPECT_TRUE(run(in_hand).cancelled);
  EXPECT_EQ(transport_.deliveries, 0);
}

TEST_F(AttemptTest, AMessageThatCannotBeReadAnyMoreIsReportedInTheEnd) {
  const auto damaged = queued("Subject: lost\r\n\r\n" + std::string(200'000, 'x') + "\r\n");
  std::size_t files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory + "/data/content")) {
    if (!file.is_regular_file()) continue;
    std::filesystem::resize_file(file.path(), 0);
    ++files;
  }
  ASSERT_GT(files, 0U);
  EXPECT_EQ(run(damaged).deferred, 2U);
  clock.now += config->retry.give_up + std::chrono::hours(1);
  EXPECT_EQ(run(store->queue().list().at(0)).failed, 2U);
  EXPECT_THAT(store->queue().list(), IsEmpty());
}

TEST_F(AttemptTest, AMessageThatPassedUsBeforeIsReturnedUnsent) {
  EXPECT_EQ(run(queued("X-Mailstead-Trace: 0123456789\r\n" + kMessage)).failed, 2U);
  EXPECT_EQ(transport_.deliveries, 0);
  EXPECT_THAT(bodies("Undelivered"), Contains(HasSubstr("mail loop")));
}

TEST_F(AttemptTest, TooManyHopsAreALoopToo) {
  std::string hops;
  for (std::size_t i = 0; i <= mail::kMaxHops; ++i) hops += "Received: by x" + std::to_string(i) + "\r\n";
  EXPECT_EQ(run(queued(hops + kMessage)).failed, 2U);
  EXPECT_EQ(transport_.deliveries, 0);
}

TEST(Trace, AnotherAgentsMarkIsNoLoop) {
  EXPECT_FALSE(loop_in("X-Mailstead-Trace: somebody else\r\n\r\n", "me"));
  EXPECT_TRUE(loop_in("X-Mailstead-Trace:\r\n  me\r\n\r\n", "me"));
}

}  // namespace
}  // namespace mailstead::agent
