// How a session starts with what is remembered of its server, against transcripts: what travels together, and what
// happens when the memory or the server is wrong.
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/imap_client/session_account.h"

namespace mailstead::imap {
namespace {

using mail::FailureKind;
using mail::FailureScope;
using Pipelining = AccountMemory::Pipelining;

TEST(ImapStart, IsOneFlightWithAServerThatTakesIt) {
  Account account("pipelined_start");
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
  EXPECT_EQ(account.memory.pipelining, Pipelining::kWorks);
}

TEST(ImapStart, AsksForCapabilitiesInPassing) {
  Account account("pipelined_login");
  account.memory.before = Capabilities::parse("IMAP4rev1 LITERAL+ ID");
  account.memory.after = Capabilities::parse("IMAP4rev1 ID");
  account.memory.mechanism = AccountMemory::kLoginCommand;
  account.memory.tells_after = false;
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
  EXPECT_TRUE(account.memory.after.has("IDLE"));
}

TEST(ImapStart, TellsARefusedSignInFromItsFollowers) {
  Account account("pipelined_refused");
  account.poll();
  ASSERT_TRUE(account.failure);
  EXPECT_EQ(account.failure->kind(), FailureKind::kAuthentication);
  EXPECT_EQ(account.failure->scope(), FailureScope::kAccount);
  EXPECT_NE(account.failure->text().find("wrong password"), std::string::npos);
}

TEST(ImapStart, TakesOthersAlongWithTheLastMessageOfAnExchange) {
  Account known("pipelined_cram"), tried("pipelined_cram_trial"), refused("pipelined_cram_refused");
  tried.memory.pipelining = Pipelining::kUnknown;
  for (Account* account : {&known, &tried, &refused}) {
    account->memory.before = Capabilities::parse("IMAP4rev1 AUTH=CRAM-MD5");
    account->memory.mechanism = "CRAM-MD5";
    account->poll();
  }
  EXPECT_FALSE(known.failure) << known.failure->text();
  EXPECT_FALSE(tried.failure) << tried.failure->text();
  EXPECT_EQ(tried.memory.pipelining, Pipelining::kWorks);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->kind(), FailureKind::kAuthentication);
}

TEST(ImapStart, TellsAStaleTokenFromAnAnswerOutOfPlace) {
  Account account("pipelined_xoauth2_refused");
  account.settings.credentials.mechanism = "xoauth2";
  account.memory.before = Capabilities::parse("IMAP4rev1 SASL-IR AUTH=XOAUTH2");
  account.memory.mechanism = "XOAUTH2";
  account.poll();
  ASSERT_TRUE(account.failure);
  EXPECT_EQ(account.failure->kind(), FailureKind::kAuthentication) << account.failure->text();
  EXPECT_NE(account.failure->text().find("Invalid credentials"), std::string::npos);
}

TEST(ImapStart, HearsWhatNobodyAskedForAndGoesOn) {
  Account account("unasked");
  account.know_nothing();
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
  EXPECT_EQ(account.result.fetched, 0U);
  ASSERT_EQ(account.result.warnings.size(), 1U);
  EXPECT_EQ(account.result.warnings[0].find('\x1b'), std::string::npos);
  EXPECT_EQ(account.ledger.advances, 0);
}

TEST(ImapStart, SelectsWhereExamineNumbersAnew) {
  Account account("courier");
  account.know_nothing();
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
  EXPECT_EQ(account.ledger.restarts, 0);
}

TEST(ImapStart, GoesOneByOneWhereAServerDropsWhatItReadAhead) {
  for (std::string transcript : {"pipelined_dropped", "pipelined_bad"}) {
    Account account(transcript);
    account.poll();
    ASSERT_FALSE(account.failure) << transcript << account.failure->text();
    EXPECT_EQ(account.memory.pipelining, Pipelining::kBreaks) << transcript;
  }
}

TEST(ImapStart, DoesNotKnockTwiceAtAServerThatSaysBye) {
  Account account("pipelined_bye");
  account.poll();
  ASSERT_TRUE(account.failure);
  EXPECT_EQ(account.failure->kind(), FailureKind::kTemporary);
  EXPECT_EQ(account.failure->retry_after(), std::chrono::seconds(300));
  EXPECT_EQ(account.memory.pipelining, Pipelining::kUnknown);
}

TEST(ImapStart, FindsOutWhatTheServerTakes) {
  Account takes("pipelined_trial"), drops("pipelined_trial_dropped");
  for (Account* account : {&takes, &drops}) {
    account->memory.pipelining = Pipelining::kUnknown;
    account->poll();
    ASSERT_FALSE(account->failure) << account->failure->text();
  }
  EXPECT_EQ(takes.memory.pipelining, Pipelining::kWorks);
  EXPECT_EQ(drops.memory.pipelining, Pipelining::kBreaks);
}

TEST(ImapStart, BelievesWhatItRemembersUntilToldOtherwise) {
  Account right("hint_before"), wrong("hint_before_wrong");
  for (Account* account : {&right, &wrong}) {
    account->memory.pipelining = Pipelining::kBreaks;
    account->poll();
    ASSERT_FALSE(account->failure) << account->failure->text();
  }
  EXPECT_EQ(wrong.memory.mechanism, "LOGIN");
  EXPECT_TRUE(wrong.memory.before.has("AUTH=LOGIN"));
}

TEST(ImapStart, ForgetsWhatItKnewOfAnotherServer) {
  Account account("nothing_new");
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
  AccountMemory other = account.memory;
  other.peer = "tls elsewhere:993 alice";
  Account again("nothing_new");
  again.memory = other;
  auto retriever = make_retriever(
      again.settings, [&](const auto&, const auto&) { return again.peer->connect(); }, other.encode());
  EXPECT_EQ(AccountMemory::decode(retriever->remembered()).mechanism, "");
}

TEST(ImapStart, NeedsNoQuestionBeforeStarttls) {
  Account account("starttls_remembered");
  account.use_starttls();
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
}

TEST(ImapStart, SendsNothingInTheClearWhenStarttlsIsGone) {
  Account account("starttls_remembered_gone");
  account.use_starttls();
  account.poll();
  ASSERT_TRUE(account.failure);
  EXPECT_EQ(account.failure->kind(), FailureKind::kPermanent);
  EXPECT_NE(account.failure->text().find("does not offer STARTTLS"), std::string::npos);
}

TEST(ImapStart, AsksAgainBehindAnApplePushProxy) {
  Account account("apple_push");
  account.know_nothing();
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
  EXPECT_TRUE(account.memory.after.has("CONDSTORE"));
  EXPECT_FALSE(account.memory.after.has("XAPPLEPUSHSERVICE"));
}

TEST(ImapStart, RemembersARefusedCompression) {
  Account account("compress_refused");
  account.know_nothing();
  account.settings.compress = retrieval::Compression::kAlways;
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
  EXPECT_TRUE(account.memory.compress_refused);
}

TEST(ImapStart, WritesNamesInUtf8OnceThatIsEnabled) {
  for (std::string transcript : {"utf8_accept", "utf8_refused"}) {
    Account account(transcript);
    account.know_nothing();
    account.settings.folders = {"M\xC3\xBCnchen & \"Co\""};
    account.poll();
    EXPECT_FALSE(account.failure) << transcript << account.failure->text();
  }
  Account plain("utf8_in_passing");
  plain.know_nothing();
  plain.poll();
  EXPECT_FALSE(plain.failure) << plain.failure->text();
}

struct RefusalRow {
  const char* transcript;
  FailureKind kind;
  const char* words;
  std::optional<std::chrono::seconds> wait;
};

class ImapRefusedForNow : public ::testing::TestWithParam<RefusalRow> {};

TEST_P(ImapRefusedForNow, SaysWhatAndWhen) {
  Account account(GetParam().transcript);
  account.know_nothing();
  account.ledger.folders.clear();
  account.poll();
  ASSERT_TRUE(account.failure);
  EXPECT_EQ(account.failure->kind(), GetParam().kind) << account.failure->text();
  EXPECT_NE(account.failure->text().find(GetParam().words), std::string::npos) << account.failure->text();
  EXPECT_EQ(account.failure->retry_after(), GetParam().wait);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ImapRefusedForNow,
    ::testing::Values(RefusalRow{"not_connected", FailureKind::kTemporary, "a licence", std::chrono::seconds(600)},
                      RefusalRow{"throttled", FailureKind::kTemporary, "throttled", std::chrono::seconds(300)},
                      RefusalRow{"gmail_too_many", FailureKind::kTemporary, "simultaneous", std::chrono::seconds(300)},
                      RefusalRow{"gmail_bandwidth", FailureKind::kTemporary, "bandwidth", std::chrono::seconds(3600)},
                      RefusalRow{"referral", FailureKind::kConfiguration, "never followed", std::nullopt}),
    [](const auto& row) { return std::string(row.param.transcript); });

}  // namespace
}  // namespace mailstead::imap
