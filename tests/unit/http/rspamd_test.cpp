// What rspamd is asked, and what becomes of each kind of answer.
#include "connectors/http/rspamd.h"

#include "connectors/net/dial.h"
#include "mail/failure.h"
#include "tests/support/one_shot_server.h"
#include "tests/unit/http/http_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::http {
namespace {

using mail::FailureKind;
using mail::FailureScope;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kMessage = "Subject: buy\r\n\r\nnow\r\n";
const std::string kSpam =
    R"({"is_skipped":false,"score":16.25,"required_score":15.0,"action":"reject","symbols":{
        "GTUBE":{"name":"GTUBE","score":16.25,"options":["x"]},"MISSING_TO":{"score":2}},"messages":{}})";

std::unique_ptr<net::Stream> dial_to(std::uint16_t port, const net::Deadline& deadline) {
  net::Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = port;
  endpoint.tls = net::TlsMode::kNone;
  return net::dial(endpoint, deadline);
}

TEST(Rspamd, GetsTheMessageItsEnvelopeAndThePassword) {
  mailstead::testing::HttpSink sink;
  sink.answer = [](const auto&) { return std::pair(200, kSpam); };
  const auto deadline = net::Deadline::in(std::chrono::seconds(10));
  const auto stream = dial_to(sink.port(), deadline);
  const mail::MemoryContent content(kMessage);
  const auto verdict = ask_rspamd(
      *stream, {"localhost:11333", "/checkv2", mail::Secret("word"), content, "bob@example.net", {"a@b.example"}},
      deadline);
  EXPECT_TRUE(verdict.spam);
  EXPECT_DOUBLE_EQ(verdict.score, 16.25);
  EXPECT_DOUBLE_EQ(verdict.required, 15);
  EXPECT_EQ(verdict.action, "reject");
  EXPECT_THAT(verdict.symbols, ElementsAre("GTUBE", "MISSING_TO"));
  const auto arrivals = sink.arrivals();
  ASSERT_EQ(arrivals.size(), 1U);
  EXPECT_EQ(arrivals[0].method + " " + arrivals[0].target, "POST /checkv2");
  EXPECT_EQ(arrivals[0].content, kMessage);
  EXPECT_EQ(arrivals[0].fields.at("host"), "localhost:11333");
  EXPECT_EQ(arrivals[0].fields.at("password"), "word");
  EXPECT_EQ(arrivals[0].fields.at("from"), "bob@example.net");
  EXPECT_EQ(arrivals[0].fields.at("rcpt"), "a@b.example");
}

TEST(Rspamd, TellsSpamByItsAction) {
  for (const auto& [action, spam] :
       {std::pair("no action", false), std::pair("greylist", false), std::pair("soft reject", false),
        std::pair("add header", true), std::pair("rewrite subject", true), std::pair("reject", true)}) {
    const auto verdict =
        read_rspamd_verdict(R"({"score": 1, "required_score": 15, "action": ")" + std::string(action) + "\"}");
    EXPECT_EQ(verdict.spam, spam) << action;
    EXPECT_EQ(verdict.action, action);
  }
}

TEST(Rspamd, RefusesWhatIsNoVerdict) {
  for (const char* answer :
       {"", "[]", "{", "<html>", R"({"score": 1})", R"({"score": "1", "required_score": 2, "action": "x"})",
        R"({"score": 1, "required_score": 2, "action": 5})"}) {
    try {
      (void)read_rspamd_verdict(answer);
      FAIL() << answer;
    } catch (const mail::Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kProtocol) << answer;
      EXPECT_EQ(failure.scope(), FailureScope::kSession) << answer;
    }
  }
}

TEST(Rspamd, AnswersOtherThan200AreFailures) {
  struct Row {
    int status;
    const char *content, *said;
    FailureKind kind;
    FailureScope scope;
  };
  const Row rows[] = {{403, R"({"error":"Unauthorized"})", "answers 403 Unauthorized", FailureKind::kAuthentication,
                       FailureScope::kAccount},
                      {401, "", "answers 401", FailureKind::kAuthentication, FailureScope::kAccount},
                      {404, "", "answers 404", FailureKind::kTemporary, FailureScope::kAccount},
                      {502, "", "answers 502", FailureKind::kTemporary, FailureScope::kAccount},
                      {413, "", "answers 413", FailureKind::kTemporary, FailureScope::kMessage},
                      {500, R"({"error":"scan\nfailed"})", "answers 500 scan\\x0Afailed", FailureKind::kTemporary,
                       FailureScope::kMessage},
                      {302, "", "answers 302", FailureKind::kTemporary, FailureScope::kMessage}};
  for (const Row& row : rows) {
    mailstead::testing::HttpSink sink;
    sink.answer = [&](const auto&) { return std::pair(row.status, std::string(row.content)); };
    const auto deadline = net::Deadline::in(std::chrono::seconds(10));
    const auto stream = dial_to(sink.port(), deadline);
    const mail::MemoryContent content(kMessage);
    try {
      (void)ask_rspamd(*stream, {"x", "/checkv2", {}, content, "", {}}, deadline);
      FAIL() << row.status;
    } catch (const mail::Failure& failure) {
      EXPECT_THAT(failure.text(), HasSubstr(row.said));
      EXPECT_EQ(failure.kind(), row.kind) << row.status;
      EXPECT_EQ(failure.scope(), row.scope) << row.status;
    }
  }
}

// Cut short, flooding, silent: no verdict, and soon.
TEST(Rspamd, AnAnswerThatDoesNotComeWholeIsNone) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  const std::string cut_short = head + "Content-Length: 1000\r\n\r\n" + kSpam.substr(0, 100);
  const std::string flood = head + "\r\n{\"score\": 1, \"x\": \"" + std::string(1'000'000, 'x');
  for (const std::string& answer :
       {cut_short, flood, std::string("HTTP/1.1 200"), std::string("* OK IMAP4rev1\r\n"), std::string()}) {
    mailstead::testing::OneShotServer server([&](mailstead::testing::RawPeer& peer) {
      peer.read_through("\r\n\r\n");
      peer.read(kMessage.size());
      peer.write(answer);
      if (answer.empty()) peer.wait_for_end();
    });
    const auto begin = std::chrono::steady_clock::now();
    const auto deadline = net::Deadline::in(answer.empty() ? std::chrono::milliseconds(300) : std::chrono::seconds(10));
    {
      const auto stream = dial_to(server.port(), deadline);
      const mail::MemoryContent content(kMessage);
      EXPECT_THROW((void)ask_rspamd(*stream, {"x", "/checkv2", {}, content, "", {}}, deadline), mail::Failure)
          << answer.substr(0, 50);
    }
    server.join();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  }
}

// Answers of a few hundred kilobytes are usual where many symbols have options.
TEST(Rspamd, TakesALongAnswerWhole) {
  std::string answer = R"({"score": 3, "required_score": 15, "action": "no action", "symbols": {)";
  for (int i = 0; i < 2000; ++i)
    answer += (i ? "," : "") + std::string("\"SYMBOL_") + std::to_string(i) + "\":{\"score\": 0.0, \"options\": [\"" +
              std::string(50, 'x') + "\"]}";
  answer += "}}";
  mailstead::testing::HttpSink sink;
  sink.answer = [&](const auto&) { return std::pair(200, answer); };
  const auto deadline = net::Deadline::in(std::chrono::seconds(10));
  const auto stream = dial_to(sink.port(), deadline);
  const mail::MemoryContent content(kMessage);
  const auto verdict = ask_rspamd(*stream, {"x", "/checkv2", {}, content, "", {}}, deadline);
  EXPECT_DOUBLE_EQ(verdict.score, 3);
  EXPECT_EQ(verdict.symbols.size(), 1000U);
}

}  // namespace
}  // namespace mailstead::http
