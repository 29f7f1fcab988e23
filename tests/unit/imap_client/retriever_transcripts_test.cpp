// Sessions of the retriever against transcripts: tests/transcripts/imap_client.
#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/retriever.h"
#include "mail/failure.h"
#include "tests/support/retrieval_fakes.h"
#include "tests/support/scripted_peer.h"

namespace mailstead::imap {
namespace {

using mail::FailureKind;
using mail::FailureScope;
using retrieval::AfterFetch;
using testing::MemoryLedger;
using testing::RecordingSink;
using testing::ScriptedPeer;

// One account against one transcript.
struct World {
  explicit World(const std::string& transcript)
      : peer(ScriptedPeer::from_file("imap_client/" + transcript + ".txt")), sink(ledger) {
    settings.name = "a";
    settings.endpoint = peer->endpoint();
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.endpoint.timeouts.command = settings.endpoint.timeouts.greeting = std::chrono::seconds(10);
    settings.credentials.user = "alice";
    settings.credentials.password = [this] { return mail::Secret(password); };
  }

  retrieval::Retriever& retriever() {
    if (!retriever_) {
      retriever_ = make_retriever(
          settings, [this](const auto&, const auto&) { return peer->connect(); }, remembered);
    }
    return *retriever_;
  }
  // Polls and says goodbye; what failed is in `failure`.
  void poll() {
    try {
      retrieval::PollObserver observer;
      retrieval::PollOptions options;
      options.dry_run = dry_run;
      result = retriever().poll(ledger, sink, observer, options, mail::WallTime{}, {});
    } catch (const mail::Failure& thrown) {
      failure = thrown;
    }
    EXPECT_EQ(sink.misuse, "");
    EXPECT_FALSE(sink.open());
  }
  void poll_and_leave() {
    poll();
    retriever().disconnect();
    EXPECT_EQ(peer->finish(), "");
  }
  void seen_before(storage::Uid through) {
    ledger.folders["INBOX"].uid_validity = 7;
    ledger.folders["INBOX"].done_through = through;
  }
  [[nodiscard]] std::string contents() const {
    std::string all;
    for (const auto& message : sink.messages) {
      all +=
          std::to_string(message.facts.source.uid) + "=" + message.content.substr(0, message.content.find('\r')) + ";";
    }
    return all;
  }

  std::unique_ptr<ScriptedPeer> peer;
  MemoryLedger ledger;
  RecordingSink sink;
  retrieval::AccountSettings settings;
  std::string password = "secret", remembered;
  bool dry_run = false;
  retrieval::PollResult result;
  std::optional<mail::Failure> failure;

 private:
  std::unique_ptr<retrieval::Retriever> retriever_;
};

void expect_failure(const World& world, FailureKind kind, FailureScope scope, const std::string& words) {
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->kind(), kind) << world.failure->text();
  EXPECT_EQ(world.failure->scope(), scope) << world.failure->text();
  EXPECT_NE(world.failure->text().find(words), std::string::npos) << world.failure->text();
  EXPECT_EQ(world.failure->text().find_first_of(std::string("\x1b\x07\r\n", 4)), std::string::npos);
}

TEST(ImapRetriever, FetchesWhatIsNew) {
  World world("poll");
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "1=Subject: m1;2=Subject: m2;");
  EXPECT_EQ(world.result.fetched, 2U);
  EXPECT_EQ(world.result.bytes, 2 * 15U);
  EXPECT_EQ(world.ledger.folders["INBOX"].done_through, 2U);
  const auto& facts = world.sink.messages[0].facts;
  EXPECT_EQ(facts.source, (storage::SourceRef{"a", "INBOX", 7, 1, ""}));
  EXPECT_TRUE(facts.flags.has(mail::kSeen));
  EXPECT_EQ(facts.internal_date.time_since_epoch().count(), 1689587065);
}

TEST(ImapRetriever, FetchesNothingTwice) {
  World world("nothing_new");
  world.seen_before(2);
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.result.fetched, 0U);
  EXPECT_EQ(world.ledger.advances, 0);
}

struct RefusalRow {
  const char* transcript;
  bool starttls;
  FailureKind kind;
  FailureScope scope;
  const char* words;
};

class ImapRefusals : public ::testing::TestWithParam<RefusalRow> {};

TEST_P(ImapRefusals, EndAsTypedFailures) {
  World world(GetParam().transcript);
  if (GetParam().starttls) world.settings.endpoint.tls = net::TlsMode::kStartTls;
  world.poll_and_leave();
  expect_failure(world, GetParam().kind, GetParam().scope, GetParam().words);
  EXPECT_TRUE(world.ledger.folders.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ImapRefusals,
    ::testing::Values(
        RefusalRow{"preauth_before_tls", true, FailureKind::kProtocol, FailureScope::kSession, "PREAUTH"},
        RefusalRow{"starttls_injection", true, FailureKind::kProtocol, FailureScope::kSession, ""},
        RefusalRow{"starttls_missing", true, FailureKind::kPermanent, FailureScope::kAccount, "STARTTLS"},
        RefusalRow{"starttls_refused", true, FailureKind::kTemporary, FailureScope::kSession, "not today"},
        RefusalRow{"greeting_garbage", false, FailureKind::kProtocol, FailureScope::kSession, ""},
        RefusalRow{"greeting_tagged", false, FailureKind::kProtocol, FailureScope::kSession, ""},
        RefusalRow{"greeting_empty", false, FailureKind::kProtocol, FailureScope::kSession, ""},
        RefusalRow{"greeting_pop3", false, FailureKind::kProtocol, FailureScope::kSession, ""},
        RefusalRow{"greeting_bad", false, FailureKind::kProtocol, FailureScope::kSession, ""},
        RefusalRow{"greeting_bye", false, FailureKind::kTemporary, FailureScope::kSession, "too many connections"},
        RefusalRow{"login_refused", false, FailureKind::kAuthentication, FailureScope::kAccount, "password"},
        RefusalRow{"login_unavailable", false, FailureKind::kTemporary, FailureScope::kAccount, "database down"},
        RefusalRow{"login_disabled", false, FailureKind::kConfiguration, FailureScope::kAccount, ""},
        RefusalRow{"bye_in_the_middle", false, FailureKind::kTemporary, FailureScope::kSession, "shutting down"}),
    [](const auto& row) { return std::string(row.param.transcript); });

TEST(ImapRetriever, BelievesNothingFromBeforeTls) {
  World world("starttls_forgets");
  world.settings.endpoint.tls = net::TlsMode::kStartTls;
  world.settings.endpoint.tls_settings = world.peer->tls_settings();
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_TRUE(world.result.warnings.empty());
}

TEST(ImapRetriever, SendsAPasswordAsLiteralWhenItMust) {
  World world("login_literal");
  world.password = "\xC3\xA9\xC3\xA8";
  world.poll_and_leave();
  EXPECT_FALSE(world.failure) << world.failure->text();
}

TEST(ImapRetriever, SaysWhoItIsAfterTheSignIn) {
  World world("id_after_login");
  world.poll_and_leave();
  EXPECT_FALSE(world.failure) << world.failure->text();
}

TEST(ImapRetriever, SaysWhoItIsToYahooBeforeTheSignIn) {
  World world("id_before_login");
  world.settings.endpoint.host = "imap.mail.yahoo.com";
  world.poll_and_leave();
  EXPECT_FALSE(world.failure) << world.failure->text();
}

TEST(ImapRetriever, AbandonsAnUnreadableChallenge) {
  World world("sasl_bad_challenge");
  world.poll_and_leave();
  EXPECT_FALSE(world.failure) << world.failure->text();
}

TEST(ImapRetriever, ShowsNoPasswordToAServerThatSpoiltAnExchange) {
  World world("sasl_spoilt");
  world.poll_and_leave();
  ASSERT_TRUE(world.failure);
  EXPECT_NE(world.failure->text().find("challenge cannot be read"), std::string::npos) << world.failure->text();
}

TEST(ImapRetriever, DoesWithoutABindingThatTheServerCannotDo) {
  World world("binding_refused");
  world.settings.endpoint.tls = net::TlsMode::kStartTls;
  world.settings.endpoint.tls_settings = world.peer->tls_settings();
  world.poll_and_leave();
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->kind(), mail::FailureKind::kAuthentication);
}

struct CleanRow {
  const char* transcript;
  AfterFetch what;
  std::vector<storage::Uid> cleaned;
  std::size_t warnings;
};

class ImapCleanUp : public ::testing::TestWithParam<CleanRow> {};

TEST_P(ImapCleanUp, TouchesTheSourceLast) {
  World world(GetParam().transcript);
  world.settings.after_fetch = GetParam().what;
  world.settings.move_to = "Fetched mail";
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.sink.messages.size(), 2U);
  EXPECT_EQ(world.ledger.cleaned, GetParam().cleaned);
  EXPECT_EQ(world.result.cleaned, GetParam().cleaned.size());
  EXPECT_EQ(world.result.warnings.size(), GetParam().warnings);
}

INSTANTIATE_TEST_SUITE_P(Rows, ImapCleanUp,
                         ::testing::Values(CleanRow{"delete_uidplus", AfterFetch::kDelete, {1, 2}, 0},
                                           CleanRow{"delete_without_uidplus", AfterFetch::kDelete, {1, 2}, 0},
                                           CleanRow{"delete_foreign_marks", AfterFetch::kDelete, {}, 1},
                                           CleanRow{"seen", AfterFetch::kSeen, {1, 2}, 0},
                                           CleanRow{"move_creates", AfterFetch::kMove, {1, 2}, 0},
                                           CleanRow{"cleanup_refused", AfterFetch::kDelete, {}, 1}),
                         [](const auto& row) { return std::string(row.param.transcript); });

TEST(ImapRetriever, CleansUpWhatAnEarlierRunLeft) {
  World world("left_over_cleanup");
  world.settings.after_fetch = AfterFetch::kDelete;
  world.seen_before(2);
  world.ledger.folders["INBOX"].due = {{2, "", mail::WallTime{}}, {1, "", mail::WallTime(std::chrono::seconds(9))}};
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.ledger.cleaned, std::vector<storage::Uid>{2});
  EXPECT_TRUE(world.sink.messages.empty());
}

TEST(ImapRetriever, TouchesNothingThatIsNotDurable) {
  World world("poll");
  world.settings.after_fetch = AfterFetch::kKeep;
  world.sink.fail_flush = true;
  world.poll();
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->kind(), FailureKind::kStorage);
  EXPECT_EQ(world.ledger.advances, 0);
}

TEST(ImapRetriever, ReadsARecreatedFolderAgain) {
  World world("uidvalidity_changed");
  world.seen_before(2);
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.ledger.restarts, 1);
  EXPECT_EQ(world.contents(), "1=Subject: m1;2=Subject: m2;");
  EXPECT_EQ(world.result.warnings.size(), 1U);
  EXPECT_EQ(world.ledger.folders["INBOX"].uid_validity, 8U);
}

TEST(ImapRetriever, AsksOneByOneWhenUidsComeLate) {
  World world("uid_after_body");
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "1=ab;2=cd;");
  EXPECT_EQ(world.sink.aborted, 0);
  EXPECT_TRUE(AccountMemory::decode(world.retriever().remembered()).one_by_one);
}

TEST(ImapRetriever, LeavesBodilessMessagesForLater) {
  World world("nil_body");
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "3=Subject: m3;4=;");
  EXPECT_EQ(world.result.warnings.size(), 1U);
  EXPECT_EQ(world.ledger.folders["INBOX"].done_through, 0U);
}

TEST(ImapRetriever, AsksAloneAfterNoForASet) {
  World world("no_for_the_set");
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "1=Subject: m1;");
  EXPECT_EQ(world.ledger.folders["INBOX"].done_through, 1U);
}

TEST(ImapRetriever, GoesOnWithoutAnExpungedMessage) {
  World world("expunged_meanwhile");
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "2=Subject: m2;");
}

TEST(ImapRetriever, ToleratesSloppyServers) {
  World world("sloppy");
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "1=ab;");
  EXPECT_TRUE(world.sink.messages[0].facts.flags.has(mail::kFlagged));
}

TEST(ImapRetriever, WorksWithoutUidnext) {
  World world("no_uidnext");
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.result.fetched, 2U);
  EXPECT_EQ(world.ledger.folders["INBOX"].done_through, 2U);
}

TEST(ImapRetriever, ChoosesFoldersByPattern) {
  World world("patterns");
  world.settings.folders = {"Lists/*"};
  world.settings.exclude_folders = {"Lists/spam"};
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_TRUE(world.result.warnings.empty());
}

TEST(ImapRetriever, GoesOnAfterAFolderThatFails) {
  World world("folder_fails");
  world.settings.folders = {"Gone", "INBOX"};
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  ASSERT_EQ(world.result.warnings.size(), 1U);
  EXPECT_NE(world.result.warnings[0].find("no such mailbox"), std::string::npos);
}

TEST(ImapRetriever, StopsAtTheLimit) {
  World world("limit");
  world.settings.max_messages_per_poll = 2;
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_TRUE(world.result.more);
  EXPECT_EQ(world.result.fetched, 2U);
  EXPECT_EQ(world.ledger.folders["INBOX"].done_through, 2U);
}

TEST(ImapRetriever, LeavesLargeMessages) {
  World world("too_large");
  world.settings.skip_larger_than = 100;
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "3=Subject: m3;");
  EXPECT_EQ(world.ledger.folders["INBOX"].skipped, (std::set<storage::Uid>{1, 2}));
  EXPECT_EQ(world.ledger.folders["INBOX"].done_through, 3U);
  EXPECT_EQ(world.result.skipped, 2U);
}

TEST(ImapRetriever, OnlyLooksInADryRun) {
  World world("dry_run");
  world.dry_run = true;
  world.settings.after_fetch = AfterFetch::kDelete;
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_TRUE(world.ledger.folders.empty());
}

TEST(ImapRetriever, RefusesAFolderWithoutUidvalidity) {
  World world("uidvalidity_zero");
  world.settings.folders = {"INBOX"};
  world.poll();
  expect_failure(world, FailureKind::kProtocol, FailureScope::kFolder, "UIDVALIDITY");
}

TEST(ImapRetriever, GoesOnAfterAMessageThatTheSinkRefuses) {
  World world("poison");
  world.sink.refuse_uid = 1;
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "2=Subject: m2;");
  EXPECT_EQ(world.sink.aborted, 1);
  EXPECT_EQ(world.ledger.folders["INBOX"].done_through, 0U);
}

TEST(ImapIdle, WakesForNewsAndPollsOnTheSameConnection) {
  World world("idle");
  world.poll();
  ASSERT_FALSE(world.failure) << world.failure->text();
  ASSERT_TRUE(world.retriever().start_waiting({}));
  while (!world.retriever().woken({}).any) {
  }
  world.poll_and_leave();
  ASSERT_FALSE(world.failure) << world.failure->text();
  EXPECT_EQ(world.contents(), "1=Subject: m1;");
}

TEST(ImapIdle, DoesNotLoseNewsFromBeforeTheContinuation) {
  World world("idle_exists_early");
  world.poll();
  ASSERT_TRUE(world.retriever().start_waiting({}));
  EXPECT_EQ(world.retriever().waiting_limit(), std::chrono::seconds(0));
  const auto news = world.retriever().woken({});
  EXPECT_TRUE(news.any);
  EXPECT_EQ(news.folders, std::vector<std::string>{"INBOX"});
  world.retriever().disconnect();
  EXPECT_EQ(world.peer->finish(), "");
}

TEST(ImapIdle, TellsOfADeadConnection) {
  World world("idle_dead");
  world.poll();
  auto wait = [&] {
    if (!world.retriever().start_waiting({})) return;
    while (!world.retriever().woken({}).any) {
    }
  };
  EXPECT_THROW(wait(), mail::Failure);
  EXPECT_EQ(world.peer->finish(), "");
}

TEST(ImapIdle, IsLeftAloneWhenRefused) {
  World world("idle_refused");
  world.poll();
  EXPECT_FALSE(world.retriever().start_waiting({}));
  world.retriever().disconnect();
  EXPECT_EQ(world.peer->finish(), "");
}

TEST(ImapRetriever, TellsWhatItFoundOnProbing) {
  World world("probe");
  auto facts = world.retriever().probe({});
  world.retriever().disconnect();
  EXPECT_EQ(world.peer->finish(), "");
  EXPECT_EQ(facts.greeting, "ready");
  EXPECT_EQ(facts.mechanism, "PLAIN");
  EXPECT_EQ(facts.messages, 12U);
  EXPECT_FALSE(facts.tls);
}

}  // namespace
}  // namespace mailstead::imap
