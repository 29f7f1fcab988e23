// Servers that are silent, endless or cunning, without a socket: what the client does is bounded everywhere.
#include <gtest/gtest.h>

#include "tests/unit/pop3/played.h"

namespace mailstead::pop3 {
namespace {

using mail::FailureKind;
using testing::alice;
using testing::FakeLedger;
using testing::FakeSink;
using testing::kNow;
using testing::Observer;

// Says what it was given and is silent from then on: a wait there ends as its deadline would end it, at once.
class SilentStream final : public testing::ClientStream {
 public:
  SilentStream(std::string input, std::chrono::seconds allowed, std::string& heard)
      : input_(std::move(input)), allowed_(allowed), heard_(heard) {}
  std::size_t read_some(std::span<char> into, const net::Deadline& deadline) override {
    EXPECT_LE(deadline.at, std::chrono::steady_clock::now() + allowed_);
    if (at_ == input_.size()) {
      throw mail::Failure(FailureKind::kTemporary, mail::FailureScope::kSession, "no answer in time");
    }
    std::size_t count = std::min(into.size(), input_.size() - at_);
    std::copy_n(input_.data() + at_, count, into.data());
    at_ += count;
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline&) override { heard_ += bytes; }

 private:
  std::string input_;
  std::size_t at_ = 0;
  std::chrono::seconds allowed_;
  std::string& heard_;
};

struct Outcome {
  std::optional<FailureKind> failure;
  std::string heard;
  int dialled = 0;
};

Outcome poll_against(const std::string& server, const std::function<void(retrieval::AccountSettings&)>& prepare = {}) {
  retrieval::AccountSettings settings = alice();
  if (prepare) prepare(settings);
  const std::chrono::seconds longest =
      std::max(settings.endpoint.timeouts.command, settings.endpoint.timeouts.greeting) + std::chrono::seconds(1);
  Outcome outcome;
  auto dialer = [&](const net::Endpoint&, const net::Deadline&) {
    ++outcome.dialled;
    return std::make_unique<SilentStream>(server, longest, outcome.heard);
  };
  FakeLedger ledger;
  FakeSink sink(ledger);
  Observer observer;
  try {
    (void)make_retriever(settings, dialer)->poll(ledger, sink, observer, {}, kNow, {});
  } catch (const mail::Failure& failure) {
    outcome.failure = failure.kind();
  }
  EXPECT_FALSE(sink.is_open());
  return outcome;
}

TEST(Pop3HostileServer, IsLeftWheneverItFallsSilent) {
  const std::string whole =
      "+OK\r\n+OK\r\nPIPELINING\r\nUIDL\r\nSASL PLAIN\r\nUSER\r\n.\r\n+OK\r\n+OK\r\nTOP\r\n.\r\n+OK\r\n1 a\r\n2 "
      "b\r\n.\r\n"
      "+OK\r\n1 6\r\n2 6\r\n.\r\n+OK\r\nA: 1\r\n.\r\n+OK\r\nB: 2\r\n.\r\n";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    Outcome outcome = poll_against(whole.substr(0, cut));
    EXPECT_TRUE(outcome.failure) << cut;
    EXPECT_LE(outcome.dialled, 3) << cut;
  }
  EXPECT_EQ(poll_against(whole).failure, std::nullopt);
}

TEST(Pop3HostileServer, SendsNoSecretInFrontOfTls) {
  auto with_tls = [](retrieval::AccountSettings& settings) {
    settings.endpoint.tls = net::TlsMode::kStartTls;
    settings.credentials.mechanism = "plain";
  };
  for (const char* server : {"", "+OK\r\n", "+OK\r\n-ERR\r\n", "+OK\r\n+ \r\n", "+OK\r\n+OK\r\n+OK\r\n", "-ERR\r\n"}) {
    Outcome outcome = poll_against(server, with_tls);
    EXPECT_TRUE(outcome.failure) << server;
    EXPECT_TRUE(outcome.heard.empty() || outcome.heard == "STLS\r\n") << outcome.heard;
  }
}

TEST(Pop3HostileServer, EndsSignInsThatDoNotEnd) {
  const std::string capa = "+OK\r\n+OK\r\nSASL LOGIN CRAM-MD5 SCRAM-SHA-256\r\nUSER\r\n.\r\n";
  std::string endless = capa;
  for (int i = 0; i < 1000; ++i) endless += "+ \r\n";
  const std::string oversized = capa + "+ " + std::string(20'000, 'A') + "\r\n-ERR\r\n";
  for (const char* mechanism : {"login", "cram-md5", "scram-sha-256"}) {
    for (const std::string& server : {endless, oversized}) {
      Outcome outcome = poll_against(server, [&](auto& settings) { settings.credentials.mechanism = mechanism; });
      EXPECT_TRUE(outcome.failure) << mechanism;
      EXPECT_LT(outcome.heard.size(), 2000U) << mechanism;
    }
  }
}

TEST(Pop3HostileServer, GetsLongCredentialsWhole) {
  for (std::size_t length : {1U, 255U, 6001U, 1'000'000U}) {
    const std::string password(length, 'p');
    Outcome outcome = poll_against("+OK\r\n-ERR\r\n+OK\r\n-ERR no\r\n", [&](auto& settings) {
      settings.credentials.password = [&] { return mail::Secret(password); };
    });
    EXPECT_EQ(outcome.failure, FailureKind::kAuthentication);
    EXPECT_NE(outcome.heard.find("PASS " + password + "\r\n"), std::string::npos);
  }
}

TEST(Pop3HostileServer, CannotMakeUsAskForWhatItDidNotList) {
  // Sizes for messages that UIDL did not name, in every odd way.
  Outcome outcome = poll_against(
      "+OK\r\n+OK\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n+OK\r\n-ERR\r\n+OK\r\n2 b\r\n.\r\n"
      "+OK\r\n1 5\r\n2 6\r\n2 7\r\n77 9\r\n.\r\n+OK\r\nB: 2\r\n.\r\n");
  EXPECT_NE(outcome.heard.find("RETR 2\r\n"), std::string::npos);
  EXPECT_EQ(outcome.heard.find("RETR 1\r\n"), std::string::npos);
}

TEST(Pop3HostileServer, HangsUpOnUsInTheMiddleOfARefusal) {
  Outcome outcome = poll_against("+OK\r\n+OK\r\nPIPELINING\r\nSASL PLAIN\r\nUSER\r\n.\r\n-ERR no\r\n");
  EXPECT_EQ(outcome.failure, FailureKind::kAuthentication) << "not a lost connection: the refusal is what matters";
  EXPECT_EQ(outcome.dialled, 1);
}

}  // namespace
}  // namespace mailstead::pop3
