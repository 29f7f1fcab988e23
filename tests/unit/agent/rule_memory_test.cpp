// What rules remember, with a real store: repetitions and senders who were answered.
#include "agent/pipeline/rule_memory.h"

#include "agent/pipeline/intake.h"
#include "agent/pipeline/replay.h"
#include "agent/pipeline/rerouting.h"
#include "tests/unit/agent/world.h"

#include <gmock/gmock.h>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RuleMemoryTest : public World {
 protected:
  void rules(const std::string& written) {
    configure(R"("host_name": "mail.example.org", "accounts": {
                 "work": {"protocol": "imap", "host": "h", "user": "u", "password": {"env": "P"}},
                 "other": {"protocol": "imap", "host": "h", "user": "v", "password": {"env": "P"}}},
                 "destinations": {"home": {"type": "mailbox", "user": "me"},
                                  "out": {"type": "smtp", "host": "127.0.0.1", "port": 1, "tls": "none", "to": "x@example.com"}},
                 "default_destination": "home", "rules": )" +
              written);
  }
  std::string message(int number, const std::string& alert = "17") {
    return "Return-Path: <bob@example.net>\r\nFrom: bob@example.net\r\nTo: me@example.org\r\nSubject: number " +
           std::to_string(number) + "\r\nMessage-ID: <" + std::to_string(number) +
           "@example.net>\r\nX-Alert: " + alert + "\r\n\r\nbody " + std::to_string(number) + "\r\n";
  }
  void take(Intake& into, const std::string& bytes, const std::string& account = "work") {
    retrieval::Incoming incoming;
    incoming.source = {account, "INBOX", 7, ++uid_, ""};
    incoming.internal_date = clock.now;
    into.begin(incoming);
    into.append(bytes);
    into.end();
  }
  void take_one(const std::string& bytes) {
    Intake into(*store, config, config->accounts.at("work"), clock);
    take(into, bytes);
    into.flush();
  }
  std::vector<storage::QueuedDelivery> queued() { return store->queue().list(); }

  const std::string kSeen = R"([{"name": "again", "if": {"seen": "${header:X-Alert}", "within": "1h"},
                                 "then": [{"deliver": "home", "folder": "Again"}]}])";
  const std::string kAway = R"([{"name": "away", "continue": true, "then": [
      {"vacation": "I am away.", "addresses": ["me@example.org"], "from": "Me <me@example.org>"}]}])";

 private:
  storage::Uid uid_ = 0;
};

TEST_F(RuleMemoryTest, ARepetitionIsSeenWithinItsTimeAndNoLonger) {
  rules(kSeen);
  take_one(message(1));
  clock.now += 30min;
  take_one(message(2));
  take_one(message(3, "18"));
  clock.now += 31min;
  take_one(message(4));
  clock.now += 30min;
  take_one(message(5));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(message(1), message(3, "18"), message(4)));
  EXPECT_THAT(bodies("Again"), ElementsAre(message(2), message(5)));
}

// Before the first is in the database, and whichever account has it.
TEST_F(RuleMemoryTest, MessagesInHandSeeEachOther) {
  rules(kSeen);
  Intake work(*store, config, config->accounts.at("work"), clock);
  Intake other(*store, config, config->accounts.at("other"), clock);
  for (int i = 0; i < 40; ++i) take(i % 2 == 0 ? work : other, message(i), i % 2 == 0 ? "work" : "other");
  work.flush();
  other.flush();
  EXPECT_THAT(bodies("INBOX"), ElementsAre(message(0)));
  EXPECT_THAT(bodies("Again"), SizeIs(39));
}

TEST_F(RuleMemoryTest, WhatWasNotAcceptedWasNotMet) {
  rules(R"([{"name": "again", "if": {"seen": "${header:X-Alert}"}, "then": [{"deliver": "home", "folder": "Again"}]},
            {"name": "wait", "if": {"command": "kill -9 $$", "shell": true}, "on_error": "retry", "then": [{"stop": true}]}])");
  {
    Intake into(*store, config, config->accounts.at("work"), clock);
    EXPECT_THROW(take(into, message(1)), mail::Failure);
    EXPECT_THROW(take(into, message(1)), mail::Failure);
  }
  rules(kSeen);
  take_one(message(1));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(message(1)));
}

TEST_F(RuleMemoryTest, ADuplicateMeetsNothing) {
  rules(
      R"([{"name": "again", "if": {"seen": "${account}${header:X-Alert}"}, "then": [{"deliver": "home", "folder": "Again"}]}])");
  take_one(message(1));
  Intake other(*store, config, config->accounts.at("other"), clock);
  take(other, message(1), "other");
  other.flush();
  EXPECT_EQ(other.counts().duplicates, 1U);
  take(other, message(2), "other");
  other.flush();
  EXPECT_THAT(bodies("INBOX"), ElementsAre(message(1), message(2)));
}

TEST_F(RuleMemoryTest, LookingAtKeptMailTellsAndChangesNothing) {
  rules(kSeen);
  take_one(message(1));
  take_one(message(2));
  clock.now += 24h;
  const auto misplaced = [&] {
    std::vector<std::string> found;
    (void)find_misplaced(*store, *config, {"me", ""}, clock.now,
                         [&](const Misplaced& one) { found.push_back(one.subject); });
    return found;
  };
  EXPECT_THAT(misplaced(), IsEmpty());
  EXPECT_EQ(replay(*store, *config, 10, clock.now, [](const Replayed&) {}).different, 0U);
  take_one(message(3));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(message(1), message(3)));
}

TEST_F(RuleMemoryTest, TidyingForgetsWhatIsOutOfDate) {
  rules(kSeen);
  take_one(message(1));
  const auto key = mail::sha256("seen\n3600\n${header:X-Alert}\n17");
  EXPECT_TRUE(store->rule_memory().met(key, mail::WallTime{}));
  store->tidy(clock.now + 59min);
  EXPECT_TRUE(store->rule_memory().met(key, mail::WallTime{}));
  store->tidy(clock.now + 61min);
  EXPECT_FALSE(store->rule_memory().met(key, mail::WallTime{}));
}

TEST_F(RuleMemoryTest, AVacationGoesThroughTheQueueOnceForASender) {
  rules(kAway);
  take_one(message(1));
  take_one(message(2));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(message(1), message(2)));
  auto waiting = queued();
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].destination, "out");
  EXPECT_EQ(waiting[0].sender, "");
  EXPECT_THAT(waiting[0].recipients, ElementsAre("bob@example.net"));
  const auto content = store->content().open(waiting[0].content);
  const std::string text = mail::read_range(*content, 0, content->size());
  EXPECT_THAT(
      text,
      HasSubstr("From: Me <me@example.org>\r\nTo: bob@example.net\r\nSubject: Auto: number 1\r\nMessage-ID: <reply."));
  EXPECT_THAT(text, HasSubstr("@mail.example.org>\r\nIn-Reply-To: <1@example.net>\r\nReferences: <1@example.net>\r\n"
                              "Auto-Submitted: auto-replied (vacation)\r\n"));
  EXPECT_TRUE(text.ends_with("\r\n\r\nI am away.\r\n"));
  clock.now += 24h * 8;
  take_one(message(3));
  EXPECT_THAT(queued(), SizeIs(2));
}

TEST_F(RuleMemoryTest, WhatIsDiscardedIsNotAnswered) {
  rules(R"([{"name": "away", "continue": true, "then": [{"vacation": "x", "addresses": "me@example.org"}]},
            {"name": "junk", "then": [{"discard": true}]}])");
  take_one(message(1));
  EXPECT_THAT(queued(), IsEmpty()) << "what is discarded is not answered";
  const auto history = store->history().by_message_id("<1@example.net>").at(0);
  EXPECT_THAT(history.placed_in, IsEmpty());
  bool discarded = false;
  for (const auto& event : history.events) discarded = discarded || event.kind == "discarded";
  EXPECT_TRUE(discarded);
}

// One of our answers that comes back to us, by a forwarding that leads in a circle.
TEST_F(RuleMemoryTest, TwoWhoAreAwayDoNotTalkForEver) {
  rules(kAway);
  take_one(message(1));
  const auto content = store->content().open(queued().at(0).content);
  std::string answer = mail::read_range(*content, 0, content->size());
  take_one("Return-Path: <carol@example.net>\r\nX-To: me@example.org\r\n" + answer);
  EXPECT_THAT(queued(), SizeIs(1));
}

}  // namespace
}  // namespace mailstead::agent
