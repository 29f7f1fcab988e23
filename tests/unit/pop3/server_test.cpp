// The server against transcripts (tests/transcripts/pop3_server), on a real store in a temporary directory.
#include <gtest/gtest.h>

#include <filesystem>

#include "connectors/pop3/server/session.h"
#include "connectors/sasl/client.h"
#include "mail/transfer_encoding.h"
#include "tests/support/scripted_peer.h"
#include "tests/unit/pop3/served_store.h"

namespace mailstead::pop3 {
namespace {

using mailstead::testing::load_transcript;
using mailstead::testing::TranscriptRunner;
using testing::keys_of_alice;
using testing::ManualClock;
using testing::ServedStore;

const std::vector<std::string> kThree{"Subject: one\r\n\r\n.dot\r\nline\r\n", "Subject: two\r\n", "no line end"};

class Pop3Server : public ::testing::Test {
 protected:
  std::unique_ptr<net::ServerSession> session(net::PeerFacts peer = {"127.0.0.1", true, false}, bool starttls = false) {
    ServerContext context{store().store(), keys_of_alice, clock_, "mail.example.org", starttls, locks_, door_};
    return make_session_factory(context)(peer, [] {});
  }
  // A fresh store, and none of the locks that a session of the last one may hold.
  void refill() {
    store_ = std::make_unique<ServedStore>(kThree);
    locks_ = make_maildrop_locks();
  }
  ServedStore& store() {
    if (!store_) refill();
    return *store_;
  }
  std::string play(const std::string& name, const net::PeerFacts& peer = {"127.0.0.1", true, false},
                   bool starttls = false) {
    return TranscriptRunner::run_server_every_way(
        [&] {
          refill();
          return session(peer, starttls);
        },
        load_transcript("pop3_server/" + name + ".txt"));
  }
  std::string talk(net::ServerSession& session, const std::string& text) {
    std::string said, output;
    input_.append(text);
    net::SessionStep step;
    do {
      step = session.advance(input_, output);
      largest_ = std::max(largest_, output.size());
      said += output;
      output.clear();
    } while (step == net::SessionStep::kMore);
    last_step_ = step;
    return said;
  }

  ManualClock clock_;
  std::unique_ptr<ServedStore> store_;
  std::shared_ptr<MaildropLocks> locks_ = make_maildrop_locks();
  sasl::Doorkeeper door_;
  net::InputBuffer input_;
  net::SessionStep last_step_ = net::SessionStep::kMore;
  std::size_t largest_ = 0;
};

TEST_F(Pop3Server, PlaysEveryTranscript) {
  for (const char* name :
       {"session", "errors", "delete_and_reset", "capa", "auth_plain", "auth_plain_two_steps", "auth_login",
        "auth_cancelled", "three_failures", "pass_without_user", "bad_commands", "long_lines", "idle"}) {
    EXPECT_EQ(play(name), "") << name;
  }
  const net::PeerFacts afar{"192.0.2.7", false, false};
  for (const char* name : {"capa_in_the_clear", "stls"}) EXPECT_EQ(play(name, afar, true), "") << name;
}

TEST_F(Pop3Server, AnswersPipelinedCommandsInOrder) {
  const std::string transcript = load_transcript("pop3_server/pipelined.txt");
  auto session_ = session();
  EXPECT_EQ(TranscriptRunner::run_server(*session_, transcript), "");
  EXPECT_EQ(store().count(), 2U);
}

TEST_F(Pop3Server, RemovesMarkedMessagesAtQuitOnly) {
  {
    auto dropped = session();
    talk(*dropped, "USER alice\r\nPASS secret word\r\nDELE 1\r\n");
  }
  EXPECT_EQ(store().count(), 3U) << "a dropped connection deletes nothing";
  input_.clear();
  auto idle = session();
  talk(*idle, "USER alice\r\nPASS secret word\r\nDELE 1\r\n");
  std::string farewell;
  idle->timed_out(farewell);
  idle.reset();
  EXPECT_EQ(farewell, "");
  EXPECT_EQ(store().count(), 3U);
  auto orderly = session();
  std::string said = talk(*orderly, "USER alice\r\nPASS secret word\r\nDELE 1\r\nDELE 3\r\nQUIT\r\nDELE 2\r\n");
  EXPECT_TRUE(said.ends_with("+OK Bye\r\n")) << said;
  EXPECT_EQ(last_step_, net::SessionStep::kClose);
  EXPECT_EQ(store().count(), 1U);
}

TEST_F(Pop3Server, EndsWithItsPasswordAndRemovesNothing) {
  auto served = session();
  talk(*served, "USER alice\r\nPASS secret word\r\nDELE 1\r\n");
  door_.sessions->end("alice", "");
  const std::string said = talk(*served, "QUIT\r\n");
  EXPECT_TRUE(said.starts_with("-ERR [AUTH]")) << said;
  EXPECT_EQ(last_step_, net::SessionStep::kClose);
  served.reset();
  EXPECT_EQ(store().count(), 3U);
}

TEST_F(Pop3Server, HoldsTheAnswersToFailedSignIns) {
  door_.throttle = std::make_shared<sasl::Throttle>(clock_);
  const net::PeerFacts afar{"192.0.2.7", false, true};
  auto first = session(afar);
  EXPECT_TRUE(talk(*first, "USER alice\r\nPASS wrong\r\n").ends_with("-ERR [AUTH] Authentication failed\r\n"));
  input_.clear();
  auto second = session(afar);
  std::string said = talk(*second, "USER alice\r\nPASS secret word\r\nNOOP\r\n");
  EXPECT_EQ(last_step_, net::SessionStep::kPause);
  EXPECT_NEAR(static_cast<double>(second->pause().count()), 1000, 1);
  EXPECT_EQ(said.find("messages"), std::string::npos) << said;
  clock_.pass(std::chrono::seconds(2));
  said = talk(*second, "");
  EXPECT_NE(said.find("+OK 3 messages"), std::string::npos) << said;
  EXPECT_EQ(last_step_, net::SessionStep::kNeedsInput);
  input_.clear();
  for (int i = 0; i < 20; ++i) {
    auto guesser = session(afar);
    (void)talk(*guesser, "AUTH PLAIN " + mail::encode_base64(std::string("\0bob\0x", 6)) + "\r\n");
    input_.clear();
  }
  auto late = session(afar);
  EXPECT_NE(talk(*late, "USER bob\r\nPASS x\r\n").find("-ERR [SYS/TEMP]"), std::string::npos);
}

// An answer that was held back is one all the same.
TEST_F(Pop3Server, SaysOfTroubleInAHeldAnswerWhatItIs) {
  door_.throttle = std::make_shared<sasl::Throttle>(clock_);
  const net::PeerFacts afar{"192.0.2.7", false, true};
  auto first = session(afar);
  (void)talk(*first, "USER alice\r\nPASS wrong\r\n");
  input_.clear();
  door_.signed_in = [](const sasl::Identity&) {
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, "the disk is full");
  };
  auto second = session(afar);
  (void)talk(*second, "USER alice\r\nPASS secret word\r\n");
  EXPECT_EQ(last_step_, net::SessionStep::kPause);
  clock_.pass(std::chrono::seconds(2));
  EXPECT_NE(talk(*second, "").find("-ERR [SYS/TEMP] Temporary trouble"), std::string::npos);
  EXPECT_EQ(last_step_, net::SessionStep::kNeedsInput);
}

TEST_F(Pop3Server, LendsAMaildropToOneSessionAtATime) {
  auto first = session();
  talk(*first, "USER alice\r\nPASS secret word\r\n");
  auto second = session();
  EXPECT_NE(talk(*second, "USER alice\r\nPASS secret word\r\n").find("-ERR [IN-USE]"), std::string::npos);
  first.reset();
  EXPECT_NE(talk(*second, "USER alice\r\nPASS secret word\r\n").find("+OK 3 messages"), std::string::npos);
}

TEST_F(Pop3Server, ObeysNothingThatCameBehindStls) {
  auto session_ = session({"192.0.2.7", false, false}, true);
  std::string said = talk(*session_, "STLS\r\nUSER alice\r\nPASS secret word\r\n");
  EXPECT_TRUE(said.ends_with("+OK Begin TLS\r\n")) << said;
  EXPECT_EQ(last_step_, net::SessionStep::kStartTls);
  EXPECT_TRUE(input_.bytes().empty());
  session_->tls_started({});
  EXPECT_EQ(talk(*session_, "PASS secret word\r\n"), "-ERR USER comes first\r\n");
}

TEST_F(Pop3Server, SignsInByScram) {
  auto session_ = session({"192.0.2.7", false, false}, true);
  sasl::Credentials credentials;
  credentials.user = "alice";
  credentials.password = [] { return mail::Secret("secret word"); };
  auto exchange = sasl::make_exchange("SCRAM-SHA-256", credentials, "pop", "localhost");
  talk(*session_, "");
  std::string said = talk(*session_, "AUTH SCRAM-SHA-256 " + mail::encode_base64(exchange->step("")) + "\r\n");
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(said.starts_with("+ ")) << said;
    auto challenge = mail::decode_base64(said.substr(2, said.size() - 4));
    ASSERT_TRUE(challenge);
    said = talk(*session_, mail::encode_base64(exchange->step(*challenge)) + "\r\n");
  }
  EXPECT_TRUE(exchange->complete());
  EXPECT_EQ(said, "+OK 3 messages (53 octets)\r\n");
}

TEST_F(Pop3Server, GivesUpOnSignInAfterThreeMinutes) {
  auto session_ = session();
  talk(*session_, "NOOP\r\n");
  EXPECT_EQ(last_step_, net::SessionStep::kNeedsInput);
  clock_.pass(std::chrono::seconds(181));
  talk(*session_, "NOOP\r\n");
  EXPECT_EQ(last_step_, net::SessionStep::kClose);
}

TEST_F(Pop3Server, WaitsTenMinutesForASignedInClient) {
  auto session_ = session();
  talk(*session_, "USER alice\r\nPASS secret word\r\n");
  EXPECT_GE(session_->idle_limit(), std::chrono::minutes(10));
  clock_.pass(std::chrono::hours(1));
  talk(*session_, "NOOP\r\n");
  EXPECT_EQ(last_step_, net::SessionStep::kNeedsInput);
  EXPECT_NE(session_->summary().find("alice"), std::string::npos);
}

TEST_F(Pop3Server, SendsLargeMessagesInSlices) {
  std::string large = "Subject: large\r\n\r\n";
  while (large.size() < 5'000'000) large += ".0123456789 the quick brown fox jumps over the lazy dog\r\n";
  store_ = std::make_unique<ServedStore>(std::vector<std::string>{large});
  auto session_ = session();
  talk(*session_, "USER alice\r\nPASS secret word\r\n");
  std::string said = talk(*session_, "RETR 1\r\n");
  EXPECT_LT(largest_, 4 * net::kOutputHighWater);
  EXPECT_TRUE(said.starts_with("+OK " + std::to_string(large.size()) + " octets\r\n"));
  EXPECT_TRUE(said.ends_with("dog\r\n.\r\n"));
  std::size_t stuffed = (large.size() - 18) / 57;
  EXPECT_EQ(said.size(), said.find('\n') + 1 + large.size() + stuffed + 3);
}

TEST_F(Pop3Server, AnswersForAMessageThatImapHasRemoved) {
  auto session_ = session();
  talk(*session_, "USER alice\r\nPASS secret word\r\n");
  store().remove_all();
  std::string said = talk(*session_, "RETR 1\r\nDELE 1\r\nSTAT\r\nQUIT\r\n");
  EXPECT_TRUE(said.ends_with("+OK Bye\r\n")) << said;
}

TEST_F(Pop3Server, KeepsUidlsAcrossSessions) {
  auto first = session();
  std::string before = talk(*first, "USER alice\r\nPASS secret word\r\nUIDL 2\r\nDELE 1\r\nQUIT\r\n");
  first.reset();
  auto second = session();
  std::string after = talk(*second, "USER alice\r\nPASS secret word\r\nUIDL 1\r\nQUIT\r\n");
  auto uidl_in = [](const std::string& said, const std::string& lead) {
    std::size_t at = said.find(lead);
    return at == std::string::npos ? "none" : said.substr(at + lead.size(), 16);
  };
  EXPECT_EQ(uidl_in(before, "+OK 2 "), uidl_in(after, "+OK 1 "));
  EXPECT_NE(uidl_in(after, "+OK 1 "), "none");
}

}  // namespace
}  // namespace mailstead::pop3
