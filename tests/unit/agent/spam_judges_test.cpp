// Spam filters as the agent asks them: which trouble is the message's and which the filter's.
#include "agent/pipeline/spam_judges.h"

#include "agent/pipeline/examined.h"
#include "mail/failure.h"
#include "tests/unit/agent/world.h"

#include "tests/support/one_shot_server.h"

#include <gmock/gmock.h>

namespace mailstead::agent {
namespace {

using mail::FailureScope;
using mailstead::testing::OneShotServer;
using mailstead::testing::RawPeer;
using ::testing::HasSubstr;

const std::string kMessage = "Return-Path: <bob@example.net>\r\nSubject: hello\r\n\r\nbody\r\n";
const std::string kVerdict = R"({"score": 7, "required_score": 15, "action": "add header"})";

class SpamJudgesTest : public World {
 protected:
  void rspamd_at(std::uint16_t port, const std::string& more = "") {
    configure(R"("destinations": {"home": {"type": "mailbox", "user": "me"}}, "spam_filters": {"it": {"type": "rspamd",
                 "url": "http://127.0.0.1:)" +
              std::to_string(port) + "\"" + more + "}}");
    services = std::make_unique<RuleServices>(*config);
  }
  router::SpamAnswer judge(const std::string& message = kMessage) {
    const Examined examined(std::make_shared<mail::MemoryContent>(message), nullptr);
    const Origin origin{"", "", {}, clock.now};
    return services->spam_filters.judge("it", examined.subject(origin, clock.now, *services, nullptr));
  }
  std::pair<FailureScope, std::string> trouble(const std::string& message = kMessage) {
    try {
      (void)judge(message);
    } catch (const mail::Failure& failure) {
      return {failure.scope(), failure.text()};
    }
    ADD_FAILURE() << "there was an answer";
    return {FailureScope::kProcess, ""};
  }
  std::unique_ptr<RuleServices> services;
};

std::string answer(const std::string& status, const std::string& content) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n" + content;
}

TEST_F(SpamJudgesTest, AsksWithTheEnvelopeAndThePassword) {
  std::string head;
  OneShotServer server([&](RawPeer& peer) {
    head = peer.read_through("\r\n\r\n");
    peer.read(kMessage.size());
    peer.write(answer("200 OK", kVerdict));
  });
  rspamd_at(server.port(), R"(, "password": "a word")");
  const auto got = judge();
  server.join();
  ASSERT_TRUE(got.verdict);
  EXPECT_TRUE(got.verdict->spam);
  EXPECT_THAT(head, HasSubstr("POST /checkv2 HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(head, HasSubstr("\r\nPassword: a word\r\nFrom: bob@example.net\r\n"));
}

TEST_F(SpamJudgesTest, AMessageAboveTheLimitIsNotSent) {
  rspamd_at(1, R"(, "skip_larger_than": "1KB")");
  const auto got = judge(std::string(2000, 'x'));
  EXPECT_FALSE(got.verdict);
  EXPECT_THAT(got.words, HasSubstr("was not asked: "));
}

TEST_F(SpamJudgesTest, OneThatIsNotThereIsTheTroubleOfAllAndLeftAloneForAWhile) {
  std::uint16_t port = 0;
  {
    OneShotServer gone([](RawPeer&) {});
    port = gone.port();
  }
  rspamd_at(port);
  const auto first = trouble();
  EXPECT_EQ(first.first, FailureScope::kAccount);
  EXPECT_THAT(first.second, HasSubstr("spam filter \"it\" gives no verdict: "));
  // Nobody is dialled: a server that came meanwhile is not seen.
  EXPECT_EQ(trouble(), first);
}

TEST_F(SpamJudgesTest, ARefusedPasswordIsTheTroubleOfAll) {
  OneShotServer server([&](RawPeer& peer) {
    peer.read_through("\r\n\r\n");
    peer.write(answer("403 Forbidden", R"({"error":"unauthorized"})"));
    peer.wait_for_end();
  });
  rspamd_at(server.port());
  EXPECT_EQ(trouble().first, FailureScope::kAccount);
}

TEST_F(SpamJudgesTest, WhatGoesWrongOverAMessageIsThatMessagesTrouble) {
  for (const std::string& said : {answer("500 Oops", "{}"), answer("200 OK", "no JSON"), std::string()}) {
    OneShotServer server([&](RawPeer& peer) {
      peer.read_through("\r\n\r\n");
      peer.read(kMessage.size());
      peer.write(said);
    });
    rspamd_at(server.port());
    EXPECT_EQ(trouble().first, FailureScope::kMessage) << said;
  }
}

TEST_F(SpamJudgesTest, SpamAssassinIsAskedOverASocketOrAPort) {
  OneShotServer server([&](RawPeer& peer) {
    peer.read_through("User: alice\r\n\r\n");
    peer.read(kMessage.size());
    peer.write("SPAMD/1.1 0 EX_OK\r\nSpam: False ; 1.5 / 5.0\r\n\r\n");
  });
  configure(R"("destinations": {"home": {"type": "mailbox", "user": "me"}}, "spam_filters": {"it":
               {"type": "spamassassin", "host": "127.0.0.1", "user": "alice", "port": )" +
            std::to_string(server.port()) + "}}");
  services = std::make_unique<RuleServices>(*config);
  const auto got = judge();
  ASSERT_TRUE(got.verdict);
  EXPECT_DOUBLE_EQ(got.verdict->score, 1.5);
}

TEST_F(SpamJudgesTest, TheTimeLimitHolds) {
  OneShotServer server([&](RawPeer& peer) { peer.wait_for_end(); });
  rspamd_at(server.port(), R"(, "timeout": "1s")");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(trouble().first, FailureScope::kMessage);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  // One message may be the reason; when another fares no better, the filter rests.
  EXPECT_EQ(trouble().first, FailureScope::kMessage);
  EXPECT_EQ(trouble("Subject: another\r\n\r\n").first, FailureScope::kMessage);
  EXPECT_EQ(trouble("Subject: a third\r\n\r\n").first, FailureScope::kAccount);
}

}  // namespace
}  // namespace mailstead::agent
