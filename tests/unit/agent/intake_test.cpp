#include "agent/pipeline/intake.h"

#include "tests/unit/agent/world.h"

#include <gmock/gmock.h>

namespace mailstead::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kMessage =
    "Return-Path: <bob@example.net>\r\nFrom: Bob <bob@example.net>\r\nSubject: hello\r\nMessage-ID: "
    "<1@example.net>\r\n\r\nbody\r\n";

class IntakeTest : public World {
 protected:
  void SetUp() override {
    configure(R"("accounts": {"work": {"protocol": "imap", "host": "h", "user": "u", "password": {"env": "P"},
                                        "after_fetch": {"do": "delete", "after": "1h"}}},
                 "destinations": {"home": {"type": "mailbox", "user": "me"},
                                  "out": {"type": "smtp", "host": "127.0.0.1", "port": 1, "tls": "none", "to": ["x@example.com"]}},
                 "default_destination": "home",
                 "rules": [
                   {"name": "junk", "if": {"header": "Subject", "is": "junk"}, "then": [{"discard": true}]},
                   {"name": "marked", "if": {"header": "Subject", "is": "mark"},
                    "then": [{"add_header": {"X-Seen-By": "rule"}}, {"flag": "\\Flagged"}, {"deliver": "home", "folder": "Marked"},
                             {"deliver": "out", "copy": true}]}])");
  }

  Intake intake() { return Intake(*store, config, config->accounts.at("work"), clock); }

  void take(Intake& into, storage::Uid uid, const std::string& bytes) {
    retrieval::Incoming incoming;
    incoming.source = {"work", "INBOX", 7, uid, ""};
    incoming.internal_date = clock.now;
    into.begin(incoming);
    for (std::size_t i = 0; i < bytes.size(); i += 10) into.append(std::string_view(bytes).substr(i, 10));
    into.end();
  }
};

TEST_F(IntakeTest, KeepsWhatArrivedBitForBitAndSaysSoWhenItIsDurable) {
  Intake into = intake();
  take(into, 1, kMessage);
  into.flush();
  EXPECT_THAT(bodies("INBOX"), ElementsAre(kMessage));
  const auto durable = into.take_durable();
  ASSERT_EQ(durable.size(), 1U);
  EXPECT_EQ(durable[0].uid, 1U);
  EXPECT_THAT(into.take_durable(), IsEmpty());
  EXPECT_EQ(into.counts().accepted, 1U);
}

TEST_F(IntakeTest, AnAbortedMessageNeverWas) {
  Intake into = intake();
  retrieval::Incoming incoming;
  incoming.source = {"work", "INBOX", 7, 1, ""};
  into.begin(incoming);
  into.append("Subject: half a mess");
  into.abort();
  take(into, 2, kMessage);
  into.flush();
  EXPECT_THAT(bodies("INBOX"), ElementsAre(kMessage));
  EXPECT_FALSE(store->ledger().folder("work", "INBOX")->done(1));
}

TEST_F(IntakeTest, ADuplicateIsDurableButNotKeptTwice) {
  Intake into = intake();
  take(into, 1, kMessage);
  take(into, 2, "Received: by elsewhere\r\n" + kMessage);
  into.flush();
  EXPECT_EQ(into.counts().duplicates, 1U);
  EXPECT_EQ(into.take_durable().size(), 2U);
  EXPECT_THAT(bodies("INBOX"), ElementsAre(kMessage));
}

TEST_F(IntakeTest, CleanUpOfTheSourceIsDueAfterTheConfiguredTime) {
  Intake into = intake();
  take(into, 1, kMessage);
  into.flush();
  EXPECT_THAT(store->ledger().cleanup_due("work", "INBOX", clock.now + std::chrono::minutes(59)), IsEmpty());
  EXPECT_EQ(store->ledger().cleanup_due("work", "INBOX", clock.now + std::chrono::minutes(61)).size(), 1U);
}

TEST_F(IntakeTest, ARuleThatDiscardsIsNamedInTheHistory) {
  Intake into = intake();
  take(into, 1, "Subject: junk\r\nMessage-ID: <j@x>\r\n\r\n");
  into.flush();
  EXPECT_THAT(bodies("INBOX"), IsEmpty());
  const auto history = store->history().by_message_id("<j@x>");
  ASSERT_EQ(history.size(), 1U);
  bool named = false;
  for (const auto& event : history[0].events)
    named |= event.kind == "discarded" && event.text.find("junk") != std::string::npos;
  EXPECT_TRUE(named);
}

TEST_F(IntakeTest, EditsFlagsFolderAndQueueFollowTheActionsInTheirOrder) {
  Intake into = intake();
  take(into, 1, "Subject: mark\r\n\r\nbody\r\n");
  into.flush();
  EXPECT_THAT(bodies("Marked"), ElementsAre("X-Seen-By: rule\r\nSubject: mark\r\n\r\nbody\r\n"));
  const auto marked = store->mail().open(store->mail().find("me", "Marked")->id);
  EXPECT_EQ(marked->entries[0].flags, mail::kFlagged);
  const auto queue = store->queue().list();
  ASSERT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue[0].destination, "out");
  EXPECT_THAT(queue[0].recipients, ElementsAre("x@example.com"));
}

TEST_F(IntakeTest, WhatIsInQuarantineLiesInNoMailbox) {
  configure(R"("accounts": {"work": {"protocol": "imap", "host": "h", "user": "u", "password": {"env": "P"}}},
               "destinations": {"home": {"type": "mailbox", "user": "me"}},
               "rules": [{"name": "q", "then": [{"flag": "\\Flagged"}, {"quarantine": "looks odd"}]}])");
  Intake into = intake();
  take(into, 1, kMessage);
  into.flush();
  EXPECT_THAT(bodies("INBOX"), IsEmpty());
  const auto queue = store->queue().list();
  ASSERT_EQ(queue.size(), 1U);
  EXPECT_TRUE(queue[0].quarantined);
  EXPECT_EQ(queue[0].destination, "home");
  EXPECT_EQ(queue[0].last_error, "looks odd");
  EXPECT_EQ(queue[0].flags.system, mail::kFlagged);
}

TEST_F(IntakeTest, EmptyAndHeaderlessMessagesAreKept) {
  Intake into = intake();
  take(into, 1, "");
  take(into, 2, "Subject: nothing but this");
  take(into, 3, "no header at all\r\n");
  into.flush();
  EXPECT_EQ(bodies("INBOX").size(), 3U);
}

TEST_F(IntakeTest, ASkippedMessageIsRememberedAndNotTriedAgain) {
  Intake into = intake();
  retrieval::Incoming incoming;
  incoming.source = {"work", "INBOX", 7, 9, ""};
  into.skipped(incoming, "larger than 50 MB");
  EXPECT_EQ(into.counts().skipped, 1U);
  const auto progress = store->ledger().folder("work", "INBOX");
  ASSERT_TRUE(progress);
  ASSERT_EQ(progress->skipped.size(), 1U);
  EXPECT_EQ(progress->skipped[0].first, 9U);
}

class MultidropTest : public IntakeTest {
 protected:
  void SetUp() override {
    configure(R"("accounts": {"work": {"protocol": "pop3", "host": "h", "user": "u", "password": {"env": "P"},
                                        "envelope": {"header": "Delivered-To", "strip_prefix": "mbox-alice-"}}},
                 "destinations": {"home": {"type": "mailbox", "user": "me"},
                                  "out": {"type": "smtp", "host": "127.0.0.1", "port": 1, "tls": "none", "to": ["x@example.com"]}},
                 "default_destination": "home",
                 "rules": [
                   {"name": "sales", "if": {"address": "envelope-to", "local": "sales"},
                    "then": [{"deliver": "home", "folder": "For/${to.local}"}]},
                   {"name": "unknown", "if": {"not": {"address": "envelope-to", "exists": true}},
                    "then": [{"deliver": "home", "folder": "Unknown"}]},
                   {"name": "rest", "then": [{"deliver": "out", "to": "${envelope-to}"}]}])");
  }
};

TEST_F(MultidropTest, RulesSeeTheRecipientThatTheHostWroteDown) {
  Intake into = intake();
  const std::string message = "Delivered-To: mbox-alice-sales@example.org\r\nTo: bob@example.org\r\n\r\nbody\r\n";
  take(into, 1, message);
  into.flush();
  EXPECT_THAT(bodies("For/sales"), ElementsAre(message));
}

TEST_F(MultidropTest, TheSameMessageForTwoRecipientsIsTwo) {
  Intake into = intake();
  take(into, 1, "Delivered-To: mbox-alice-bob@example.org\r\n" + kMessage);
  take(into, 2, "Delivered-To: mbox-alice-carol@example.org\r\n" + kMessage);
  take(into, 3, "Delivered-To: mbox-alice-carol@example.org\r\n" + kMessage);
  into.flush();
  EXPECT_EQ(into.counts().accepted, 2U);
  EXPECT_EQ(into.counts().duplicates, 1U);
  const auto queue = store->queue().list();
  ASSERT_EQ(queue.size(), 2U);
  EXPECT_THAT(queue[0].recipients, ElementsAre("bob@example.org"));
  EXPECT_THAT(queue[1].recipients, ElementsAre("carol@example.org"));
}

TEST_F(MultidropTest, AllRecipientsOfOneDeliveryAreDeliveredTo) {
  Intake into = intake();
  take(into, 1, "Delivered-To: a@example.org, b@example.org\r\n" + kMessage);
  into.flush();
  const auto queue = store->queue().list();
  ASSERT_EQ(queue.size(), 1U);
  EXPECT_THAT(queue[0].recipients, ElementsAre("a@example.org", "b@example.org"));
}

TEST_F(MultidropTest, WithoutARecipientNoneIsGuessed) {
  Intake into = intake();
  const std::string message = "X-Original-To: sales@example.org\r\nTo: sales@example.org\r\n\r\nbody\r\n";
  take(into, 1, message);
  into.flush();
  EXPECT_THAT(bodies("Unknown"), ElementsAre(message));
}

}  // namespace
}  // namespace mailstead::agent
