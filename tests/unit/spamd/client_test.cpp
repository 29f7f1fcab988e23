// What spamd is asked, and what becomes of each kind of answer.
#include "connectors/spamd/client.h"

#include "connectors/net/dial.h"
#include "mail/failure.h"
#include "tests/support/one_shot_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::spamd {
namespace {

using mail::FailureKind;
using mail::FailureScope;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kMessage = "Subject: buy\r\n\r\n.\r\nnow\r\n";

struct Asked {
  std::string request;
  std::optional<mail::SpamVerdict> verdict;
  std::optional<mail::Failure> failure;
};

Asked ask(const std::string& answer, const std::string& user = "", const std::string& message = kMessage,
          std::chrono::milliseconds patience = std::chrono::seconds(10), bool reads = true) {
  Asked asked;
  mailstead::testing::OneShotServer server([&](mailstead::testing::RawPeer& peer) {
    if (reads) {
      asked.request = peer.read_through("\r\n\r\n");
      asked.request += peer.read(message.size());
    }
    peer.write(answer);
    if (answer.empty()) peer.wait_for_end();
  });
  net::Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = server.port();
  endpoint.tls = net::TlsMode::kNone;
  const auto deadline = net::Deadline::in(patience);
  {
    const auto stream = net::dial(endpoint, deadline);
    try {
      asked.verdict = spamd::ask(*stream, user, mail::MemoryContent(message), deadline);
    } catch (const mail::Failure& failure) {
      asked.failure = failure;
    }
  }
  server.join();
  return asked;
}

TEST(SpamdClient, AsksForTheSymbolsOfTheMessageAsItIs) {
  const auto asked =
      ask("SPAMD/1.1 0 EX_OK\r\nContent-length: 21\r\nSpam: True ; 15.3 / 5.0\r\n\r\nBAYES_99,URIBL_BLACK\n", "alice");
  EXPECT_EQ(asked.request, "SYMBOLS SPAMC/1.5\r\nContent-length: 24\r\nUser: alice\r\n\r\n" + kMessage);
  ASSERT_TRUE(asked.verdict);
  EXPECT_TRUE(asked.verdict->spam);
  EXPECT_DOUBLE_EQ(asked.verdict->score, 15.3);
  EXPECT_DOUBLE_EQ(asked.verdict->required, 5);
  EXPECT_THAT(asked.verdict->symbols, ElementsAre("BAYES_99", "URIBL_BLACK"));
}

TEST(SpamdClient, TakesEveryFormOfAVerdict) {
  auto asked = ask("SPAMD/1.0 0 EX_OK\r\nSpam: False ; -1.9 / 5.0\r\nContent-length: 0\r\nX-New: field\r\n\r\n");
  EXPECT_THAT(asked.request, ::testing::Not(HasSubstr("User:")));
  ASSERT_TRUE(asked.verdict);
  EXPECT_FALSE(asked.verdict->spam);
  EXPECT_DOUBLE_EQ(asked.verdict->score, -1.9);
  EXPECT_THAT(asked.verdict->symbols, IsEmpty());
  asked = ask("SPAMD/1.5 0 EX_OK\r\nspam: Yes; 7 / 5\r\n\r\n");
  ASSERT_TRUE(asked.verdict);
  EXPECT_TRUE(asked.verdict->spam);
}

TEST(SpamdClient, RefusesWhatIsNoAnswer) {
  struct Row {
    const char *answer, *said;
    FailureKind kind;
    FailureScope scope;
  };
  const std::string many_fields = [] {
    std::string text = "SPAMD/1.1 0 EX_OK\r\n";
    for (int i = 0; i < 200; ++i) text += "X: y\r\n";
    return text;
  }();
  const std::string long_line = "SPAMD/1.1 0 " + std::string(100'000, 'x');
  const Row rows[] = {
      {"SPAMD/1.0 79 Timeout\r\n\r\n", "answers SPAMD/1.0 79 Timeout", FailureKind::kTemporary, FailureScope::kMessage},
      {"SPAMD/1.0 76 Bad header line\r\n\r\n", "76 Bad header line", FailureKind::kTemporary, FailureScope::kMessage},
      {"220 smtp.example.org\r\n", "does not answer as spamd", FailureKind::kProtocol, FailureScope::kSession},
      {"SPAMD/1.1\r\n\r\n", "does not answer as spamd", FailureKind::kProtocol, FailureScope::kSession},
      {"SPAMD/1.1 zero EX_OK\r\n\r\n", "does not answer as spamd", FailureKind::kProtocol, FailureScope::kSession},
      {"SPAMD/1.1 0 EX_OK\r\n\r\n", "has no verdict", FailureKind::kProtocol, FailureScope::kSession},
      {"SPAMD/1.1 0 EX_OK\r\nSpam: perhaps\r\n\r\n", "has no verdict", FailureKind::kProtocol, FailureScope::kSession},
      {"SPAMD/1.1 0 EX_OK\r\nSpam: True ; x / 5\r\n\r\n", "has no verdict", FailureKind::kProtocol,
       FailureScope::kSession},
      {"SPAMD/1.1 0 EX_OK\r\nno field\r\n\r\n", "it answers no field", FailureKind::kProtocol, FailureScope::kSession},
      {"SPAMD/1.1 0 EX_OK\r\nContent-length: 99999999999999999999\r\n\r\n", "has a length of", FailureKind::kProtocol,
       FailureScope::kSession},
      {"SPAMD/1.1 0 EX_OK\r\nContent-length: -1\r\n\r\n", "has a length of", FailureKind::kProtocol,
       FailureScope::kSession},
      {"SPAMD/1.1 0 EX_OK\r\nContent-length: 70000\r\n\r\n", "has a length of", FailureKind::kProtocol,
       FailureScope::kSession},
      {"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 9 / 5\r\nContent-length: 10\r\n\r\nSYM", "", FailureKind::kTemporary,
       FailureScope::kSession},
      {"SPAMD/1.1 0 EX", "", FailureKind::kTemporary, FailureScope::kSession},
      {many_fields.c_str(), "do not end", FailureKind::kProtocol, FailureScope::kSession},
      {long_line.c_str(), "", FailureKind::kLimit, FailureScope::kSession},
  };
  for (const Row& row : rows) {
    const auto asked = ask(row.answer);
    ASSERT_TRUE(asked.failure) << row.answer;
    EXPECT_THAT(asked.failure->text(), HasSubstr(row.said)) << row.answer;
    EXPECT_EQ(asked.failure->kind(), row.kind) << asked.failure->text();
    EXPECT_EQ(asked.failure->scope(), row.scope) << asked.failure->text();
  }
}

TEST(SpamdClient, DoesNotWaitLongerThanItMay) {
  const auto begin = std::chrono::steady_clock::now();
  const auto asked = ask("", "", kMessage, std::chrono::milliseconds(300));
  ASSERT_TRUE(asked.failure);
  EXPECT_EQ(asked.failure->kind(), FailureKind::kTemporary);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(SpamdClient, AServerThatRefusesAndClosesBeforeItHasTheMessageIsHeard) {
  const auto asked = ask("SPAMD/1.0 74 Content-Length mismatch\r\n\r\n", "", std::string(20'000'000, 'x'),
                         std::chrono::seconds(10), false);
  ASSERT_TRUE(asked.failure);
  EXPECT_EQ(asked.failure->kind(), FailureKind::kTemporary);
}

}  // namespace
}  // namespace mailstead::spamd
