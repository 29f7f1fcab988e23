// Rules that remember: the test "seen" and the action "vacation". The memory is played.
#include "tests/unit/router/sample.h"

#include "mail/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace mailstead::router {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PlayedMemory final : public Memory {
 public:
  std::optional<mail::WallTime> met(const mail::Sha256& key, std::chrono::seconds window) const override {
    ++asked;
    const auto found = known.find(key);
    if (found == known.end() || found->second < now - window) return std::nullopt;
    return found->second;
  }
  void take(const Decision& decision) {
    for (const Remembered& one : decision.remembered) known[one.key] = now;
  }
  std::map<mail::Sha256, mail::WallTime> known;
  mail::WallTime now{1'700'000'000s};
  mutable int asked = 0;
};

class RouterMemory : public testing::Test {
 protected:
  RouterMemory() {
    sample.memory = &memory;
    sample.now = sample.internal_date = memory.now;
    sample.envelope_from = "bob@example.net";
    sample.text = message();
  }
  static std::string message(const std::string& more = "", const std::string& to = "Alice <ALICE@example.org>") {
    return "From: Bob <bob@example.net>\r\nTo: " + to + "\r\nSubject: hello\r\nX-Alert: 17\r\n" + more + "\r\nbody\r\n";
  }
  Explanation explain(const std::string& rules) {
    auto set = compiled(json::parse(rules), context);
    return sample.ask([&](const Subject& subject) { return set->explain(subject); });
  }
  // Why there is no answer; "" when there is one.
  std::string no_answer(const std::string& text) {
    sample.text = text;
    const auto explained = explain(kAway);
    if (!explained.decision.replies.empty()) return "";
    EXPECT_THAT(explained.decision.remembered, IsEmpty());
    const std::string told = explained.rules.at(0).actions.at(0);
    EXPECT_TRUE(told.starts_with("vacation: no answer: ")) << told;
    return told.substr(std::string("vacation: no answer: ").size());
  }

  const std::string kSeen =
      R"([{"name": "again", "if": {"seen": "${header:X-Alert}", "within": "1h"}, "then": [{"discard": true}]}])";
  const std::string kAway =
      R"([{"name": "away", "then": [{"vacation": "I am away", "addresses": ["alice@example.org", "a@b.example"]}]}])";
  RuleContext context = sample_context();
  PlayedMemory memory;
  Sample sample;
};

TEST_F(RouterMemory, TheSecondMessageWithAKeyWasSeenWithinItsTime) {
  auto first = explain(kSeen);
  EXPECT_FALSE(first.decision.discarded);
  ASSERT_EQ(first.decision.remembered.size(), 1U);
  EXPECT_EQ(first.decision.remembered[0].window, 1h);
  EXPECT_EQ(first.rules[0].tests[0].saw, "17, not met before");
  memory.take(first.decision);
  memory.now += 59min;
  auto second = explain(kSeen);
  EXPECT_TRUE(second.decision.discarded);
  // The time counts from the first.
  EXPECT_THAT(second.decision.remembered, IsEmpty());
  EXPECT_THAT(second.rules[0].tests[0].saw, HasSubstr("17, met "));
  memory.now += 2min;
  EXPECT_FALSE(explain(kSeen).decision.discarded);
}

TEST_F(RouterMemory, AMessageIsNotItsOwnRepetition) {
  const auto explained = explain(R"([{"name": "a", "if": {"seen": "${header:X-Alert}"}, "then": [{"discard": true}]},
                                     {"name": "b", "if": {"seen": "${header:X-Alert}"}, "then": [{"discard": true}]}])");
  EXPECT_FALSE(explained.decision.discarded);
  EXPECT_EQ(explained.decision.remembered.size(), 1U);
  EXPECT_EQ(memory.asked, 1);
}

TEST_F(RouterMemory, OtherTemplatesAndValuesAreOtherKeys) {
  memory.take(explain(kSeen).decision);
  EXPECT_FALSE(explain(R"([{"if": {"seen": "${header:X-Alert}!"}, "then": [{"discard": true}]}])").decision.discarded);
  sample.text = "X-Alert: 18\r\n\r\n";
  EXPECT_FALSE(explain(kSeen).decision.discarded);
}

// Met two hours ago: within a day, not within an hour.
TEST_F(RouterMemory, OtherTimesAreOtherKeys) {
  const std::string both =
      R"([{"name": "long", "if": {"seen": "${header:X-Alert}", "within": "1d"}, "continue": true, "then": [{"flag": "\\Seen"}]},
          {"name": "short", "if": {"seen": "${header:X-Alert}", "within": "1h"}, "then": [{"discard": true}]}])";
  memory.take(explain(both).decision);
  memory.now += 2h;
  const auto explained = explain(both);
  EXPECT_THAT(explained.rules.at(0).tests.at(0).saw, HasSubstr("17, met "));
  EXPECT_FALSE(explained.decision.discarded);
  EXPECT_EQ(explained.rules.at(1).tests.at(0).saw, "17, not met before");
}

TEST_F(RouterMemory, WithoutAValueThereIsNothingToRemember) {
  sample.text = "Subject: x\r\n\r\n";
  const auto explained = explain(kSeen);
  EXPECT_FALSE(explained.decision.discarded);
  EXPECT_THAT(explained.decision.remembered, IsEmpty());
  EXPECT_EQ(memory.asked, 0);
}

TEST_F(RouterMemory, FixedTextAloneIsNothingToRemember) {
  sample.text = "Subject: x\r\n\r\n";
  const auto explained =
      explain(R"([{"if": {"seen": "alert ${header:X-Alert}, ${header:X-Host}"}, "then": [{"discard": true}]}])");
  EXPECT_THAT(explained.decision.remembered, IsEmpty());
  EXPECT_EQ(memory.asked, 0);
}

TEST_F(RouterMemory, WithoutAMemoryThereIsNoAnswer) {
  sample.memory = nullptr;
  EXPECT_THAT(explain(kSeen).decision.troubles, ElementsAre(HasSubstr("nothing is remembered here")));
}

TEST_F(RouterMemory, WhatIsPostponedIsNotRemembered) {
  const auto explained = explain(R"([{"name": "a", "if": {"seen": "${header:X-Alert}"}, "then": [{"discard": true}]},
                                     {"name": "b", "if": {"spam": "rspamd"}, "on_error": "retry", "then": [{"discard": true}]}])");
  EXPECT_TRUE(explained.decision.postponed);
  EXPECT_THAT(explained.decision.remembered, IsEmpty());
}

TEST_F(RouterMemory, AMessageIsAnsweredOnceWhateverTheRules) {
  const auto explained = explain(
      R"([{"name": "a", "continue": true, "then": [{"vacation": "one", "addresses": ["alice@example.org", "a@b.example"]}]},
          {"name": "b", "then": [{"vacation": "two", "addresses": ["alice@example.org", "a@b.example"]}]}])");
  ASSERT_EQ(explained.decision.replies.size(), 1U);
  EXPECT_EQ(explained.decision.replies[0].text, "one");
}

TEST_F(RouterMemory, AVacationAnswersASenderOnceInItsDays) {
  const auto first = explain(kAway);
  ASSERT_EQ(first.decision.replies.size(), 1U);
  const PlannedReply& reply = first.decision.replies[0];
  EXPECT_EQ(reply.to, "bob@example.net");
  EXPECT_EQ(reply.from, "alice@example.org");
  EXPECT_EQ(reply.subject, "Auto: hello");
  EXPECT_EQ(reply.text, "I am away");
  EXPECT_EQ(reply.destination, "");
  EXPECT_TRUE(first.used_default);  // it settles nothing
  ASSERT_EQ(first.decision.remembered.size(), 1U);
  EXPECT_EQ(first.decision.remembered[0].window, 24h * 7);
  EXPECT_THAT(first.rules[0].actions, ElementsAre("vacation: bob@example.net is answered"));
  memory.take(first.decision);
  EXPECT_THAT(no_answer(message()), HasSubstr("was answered on"));
  sample.envelope_from = "BOB@example.net";
  EXPECT_THAT(no_answer(message()), HasSubstr("was answered on"));
  sample.envelope_from = "carol@example.net";
  EXPECT_EQ(no_answer(message()), "");
  sample.envelope_from = "bob@example.net";
  memory.now += 24h * 8;
  sample.now = sample.internal_date = memory.now;
  EXPECT_EQ(no_answer(message()), "");
}

TEST_F(RouterMemory, AVacationTakesItsWordsFromTheRule) {
  context.carriers = {"relay"};
  const auto explained = explain(R"([{"then": [{"vacation": "Bin weg.\nBis bald", "addresses": "alice@example.org",
      "from": "\"Alice, away\" <alice@example.org>", "subject": "weg: ${header:Subject}", "days": 30, "by": "relay"}]}])");
  ASSERT_EQ(explained.decision.replies.size(), 1U);
  EXPECT_EQ(explained.decision.replies[0].from, "\"Alice, away\" <alice@example.org>");
  EXPECT_EQ(explained.decision.replies[0].subject, "weg: hello");
  EXPECT_EQ(explained.decision.replies[0].text, "Bin weg.\nBis bald");
  EXPECT_EQ(explained.decision.replies[0].destination, "relay");
  EXPECT_EQ(explained.decision.remembered.at(0).window, 24h * 30);
}

TEST_F(RouterMemory, AVacationIsSilentWhereAnAnswerWouldDoHarm) {
  struct Row {
    const char *from, *more, *to, *why;
  };
  const char* const me = "alice@example.org";
  const Row rows[] = {
      {"", "", me, "it has no Return-Path"},
      {"", "Return-Path: <>\r\n", me, "its sender is null"},
      {"MAILER-DAEMON@example.net", "", me, "is a machine"},
      {"owner-list@example.net", "", me, "is a machine"},
      {"list-request@example.net", "", me, "is a machine"},
      {"list-owner@example.net", "", me, "is a machine"},
      {"bounces+alice=example.org@example.net", "", me, "is a machine"},
      {"NoReply@example.net", "", me, "is a machine"},
      {"listserv@example.net", "", me, "is a machine"},
      {"Alice@Example.org", "", me, "an address of mine"},
      {"a@b.example", "", me, "an address of mine"},
      {"bob@example.net", "List-Id: <x.example.net>\r\n", me, "came over a list (list-id)"},
      {"bob@example.net", "List-Unsubscribe: <mailto:x@y>\r\n", me, "came over a list"},
      {"bob@example.net", "Precedence: Bulk\r\n", me, "it is bulk"},
      {"bob@example.net", "Precedence: junk\r\n", me, "it is bulk"},
      {"bob@example.net", "Auto-Submitted: auto-replied (vacation)\r\n", me, "sent by a machine"},
      {"bob@example.net", "Auto-Submitted: auto-generated; x=y\r\n", me, "sent by a machine"},
      {"bob@example.net", "X-Auto-Response-Suppress: DR, OOF\r\n", me, "wants no answer"},
      {"bob@example.net", "Content-Type: multipart/report; report-type=delivery-status\r\n", me, "a report"},
      {"bob@example.net", "", "undisclosed-recipients:;", "none of my addresses"},
      {"bob@example.net", "", "alice@example.org.evil.example", "none of my addresses"},
      {"bob@example.net", "X-Original-To: alice@example.org\r\n", "team@example.org", "none of my addresses"},
  };
  for (const Row& row : rows) {
    sample.envelope_from = row.from;
    EXPECT_THAT(no_answer(message(row.more, row.to)), HasSubstr(row.why)) << row.from << " " << row.more << row.to;
  }
  sample.envelope_from = "bob@example.net";
  for (const char* more : {"Auto-Submitted: no\r\n", "Cc: a@b.example\r\n", "Precedence: special-delivery\r\n"})
    EXPECT_EQ(no_answer(message(more)), "") << more;
  for (const char* more : {"Cc: a@b.example\r\n", "Resent-To: A@B.example\r\n", "Bcc: x@y, \"A, B\" <a@b.example>\r\n"})
    EXPECT_EQ(no_answer(message(more, "team@example.org")), "") << more;
  sample.internal_date = sample.now - 24h * 4;
  EXPECT_THAT(no_answer(message()), HasSubstr("it arrived 4d ago"));
}

TEST_F(RouterMemory, AVacationWithoutAMemoryAnswersNobody) {
  sample.memory = nullptr;
  EXPECT_THAT(no_answer(message()), HasSubstr("nothing is remembered here"));
}

}  // namespace
}  // namespace mailstead::router
