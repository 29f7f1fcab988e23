// The client against transcripts (tests/transcripts/pop3_client), and against generated oddities.
#include <gtest/gtest.h>

#include <functional>

#include "connectors/pop3/client/retriever.h"
#include "tests/support/scripted_peer.h"
#include "tests/unit/pop3/played.h"
#include "tests/unit/pop3/pop3_fakes.h"

namespace mailstead::pop3 {
namespace {

using mail::FailureKind;
using mailstead::testing::load_transcript;
using mailstead::testing::ScriptedPeer;
using testing::alice;
using testing::CannedStream;
using testing::FakeLedger;
using testing::FakeSink;
using testing::kNow;
using testing::Names;
using testing::Observer;
using testing::play_rows;
using testing::Played;
using testing::Row;
using testing::with_delete;
using testing::with_stls;
using testing::with_warning;
using testing::without_secret_in_text;

const std::vector<std::string> kTwo{"A: 1\r\n", "B: 2\r\n"};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"user_pass", {"A: 1\r\n\r\n.\r\n.x\r\n", "B: 2\r\n"}},
      {"pipelined",
       {"A: 1\r\n", "B: 2\r\n", "C: 3\r\n"},
       {},
       {},
       [](Played& p) {
         EXPECT_EQ(p.result.fetched, 3U);
         EXPECT_EQ(p.result.bytes, 18U);
         EXPECT_EQ(p.observer.messages, 3U);
         EXPECT_EQ(p.sink.ended[1].incoming.source.uidl, "b");
         EXPECT_EQ(p.sink.ended[1].incoming.source.account, "work");
         EXPECT_EQ(p.sink.ended[1].incoming.source.folder, "");
         EXPECT_EQ(p.sink.ended[1].incoming.internal_date, kNow);
       }},
      {"nothing_new",
       {},
       {},
       [](Played& p) {
         p.ledger.known = {"a", "gone"};
       },
       [](Played& p) { EXPECT_EQ(p.ledger.forgotten, Names{"gone"}); }},
      {"capa_closes", {}, {}, {}, [](Played& p) { EXPECT_TRUE(p.remembers("capa-failures=1")) << p.remembered; }},
      {"capa_stalls", {}, {}, [](Played& p) { p.settings.endpoint.timeouts.command = std::chrono::seconds(1); }},
      {"capa_remembered", {}, {}, [](Played& p) { p.remembered = "capa-failures=2"; }},
      {"stls", {}, {}, with_stls},
      {"stls_refused", {}, FailureKind::kTemporary, with_stls},
      {"stls_injection", {}, FailureKind::kProtocol, with_stls},
      {"stls_fragment", {}, FailureKind::kProtocol, with_stls},
      {"greeting_noise", {}, FailureKind::kProtocol},
      {"greeting_busy", {}, FailureKind::kTemporary},
      {"greeting_continuation", {}, FailureKind::kProtocol},
      {"auth_wrong", {}, FailureKind::kAuthentication, {}, without_secret_in_text},
      {"auth_in_use", {}, FailureKind::kTemporary},
      {"auth_delay",
       {},
       FailureKind::kTemporary,
       {},
       [](Played& p) { EXPECT_EQ(p.failure_wait, std::chrono::seconds(600)); }},
      {"auth_perm", {}, FailureKind::kPermanent},
      {"pass_wrong", {}, FailureKind::kAuthentication, {}, without_secret_in_text},
      {"pass_lock_busy", {}, FailureKind::kTemporary},
      {"pass_blocked", {}, FailureKind::kAuthentication},
      {"auth_next_mechanism", {}},
      {"auth_bad_challenge", {}},
      {"auth_xoauth2", {}, {}, [](Played& p) { p.settings.credentials.mechanism = "xoauth2"; }},
      {"auth_scram_no_proof", {}, FailureKind::kAuthentication},
      {"auth_spoilt",
       {},
       FailureKind::kAuthentication,
       {},
       [](Played& p) { EXPECT_NE(p.failure_text.find("challenge cannot be read"), Names::value_type::npos); }},
      {"auth_binding_refused", {}, FailureKind::kAuthentication, with_stls},
      {"auth_bound_wrong", {}, FailureKind::kAuthentication, with_stls},
      {"auth_binding_refused_insecure",
       {},
       FailureKind::kAuthentication,
       [](Played& p) {
         with_stls(p);
         p.settings.endpoint.tls_settings.insecure = true;
       }},
      {"auth_oauth_reason",
       {},
       FailureKind::kAuthentication,
       [](Played& p) { p.settings.credentials.mechanism = "oauthbearer"; },
       [](Played& p) { EXPECT_NE(p.failure_text.find("invalid_token"), Names::value_type::npos); }},
      {"apop", {}, {}, [](Played& p) { p.settings.credentials.mechanism = "apop"; }},
      {"apop_bad_banner",
       {},
       FailureKind::kConfiguration,
       [](Played& p) { p.settings.credentials.mechanism = "apop"; }},
      {"headerless", {"", "\r\n", "body only\r\n"}},
      {"retr_refused", {"A: 1\r\n", "C: 3\r\n"}, {}, {}, with_warning},
      {"cut_in_message", {}, FailureKind::kTemporary, {}, [](Played& p) { EXPECT_EQ(p.sink.aborted, 1U); }},
      {"noise_in_retr", {}, FailureKind::kProtocol, {}, [](Played& p) { EXPECT_EQ(p.sink.aborted, 0U); }},
      {"delete",
       kTwo,
       {},
       with_delete,
       [](Played& p) {
         EXPECT_EQ(p.ledger.deleted, (Names{"a", "b"}));
         EXPECT_EQ(p.result.cleaned, 2U);
       }},
      {"delete_one_refused", kTwo, {}, with_delete, [](Played& p) { EXPECT_EQ(p.ledger.deleted, Names{"b"}); }},
      {"delete_quit_lost",
       kTwo,
       {},
       with_delete,
       [](Played& p) {
         EXPECT_EQ(p.ledger.deleted, Names{});
         EXPECT_EQ(p.ledger.known.size(), 2U);
         EXPECT_EQ(p.result.warnings.size(), 1U);
       }},
      {"delete_quit_refused", kTwo, {}, with_delete, [](Played& p) { EXPECT_EQ(p.ledger.deleted, Names{}); }},
      {"delete_left_over",
       {},
       {},
       [](Played& p) {
         with_delete(p);
         p.settings.after = std::chrono::hours(24);
         p.ledger.known = {"a", "b"};
         p.ledger.cleanups = {{"a", kNow}, {"b", kNow - std::chrono::hours(1)}};
       },
       [](Played& p) {
         EXPECT_EQ(p.ledger.deleted, (Names{"a", "b"}));
       }},
      {"delete_gone_already",
       {},
       {},
       [](Played& p) {
         with_delete(p);
         p.ledger.known = {"a"};
         p.ledger.cleanups = {{"a", kNow}};
       },
       [](Played& p) {
         EXPECT_EQ(p.ledger.deleted, Names{"a"});
         EXPECT_EQ(p.result.cleaned, 0U);
       }},
      // Due later, or kept: nothing is deleted.
      {"pipelined",
       {"A: 1\r\n", "B: 2\r\n", "C: 3\r\n"},
       {},
       [](Played& p) {
         with_delete(p);
         p.settings.after = std::chrono::hours(1);
         p.ledger.cleanups = {{"a", kNow + std::chrono::seconds(1)}};
       }},
      {"pipelined",
       {"A: 1\r\n", "B: 2\r\n", "C: 3\r\n"},
       {},
       [](Played& p) {
         p.ledger.cleanups = {{"a", kNow}};
       }},
      {"not_deleted_unsafe", kTwo, FailureKind::kStorage,
       [](Played& p) {
         with_delete(p);
         p.sink.flush_fails = mail::Failure(FailureKind::kStorage, mail::FailureScope::kProcess, "disk full");
       }},
      {"no_uidl",
       {"A: 1\r\n\r\none\r\n", "A: 1\r\n\r\ntwo\r\n"},
       {},
       {},
       [](Played& p) {
         std::string first = p.sink.ended[0].incoming.source.uidl;
         EXPECT_TRUE(first.starts_with("hash:"));
         EXPECT_EQ(p.sink.ended[1].incoming.source.uidl, first + "#2");
       }},
      {"no_uidl_no_top", {"A: 1\r\n\r\none\r\n"}, {}, {}, with_warning},
      // The UIDL that became ambiguous is in the ledger from before: still both are fetched.
      {"repeated_uidl",
       {"A: 1\r\n", "A: 2\r\n", "A: 3\r\n", "A: 4\r\n"},
       {},
       [](Played& p) { p.ledger.known = {"same"}; },
       with_warning},
      {"lying_size",
       {"B: 2\r\n"},
       {},
       [](Played& p) { p.settings.skip_larger_than = 1000; },
       [](Played& p) {
         EXPECT_EQ(p.sink.aborted, 1U);
         ASSERT_EQ(p.sink.skips.size(), 1U);
         EXPECT_EQ(p.sink.skips[0].first, "a");
       }},
      {"too_large",
       {"B: 2\r\n"},
       {},
       {},
       [](Played& p) {
         EXPECT_EQ(p.result.skipped, 1U);
         EXPECT_EQ(p.observer.messages, 1U);
         ASSERT_EQ(p.sink.skips.size(), 1U);
         EXPECT_NE(p.sink.skips[0].second.find("\"holiday film\", from a@example.org"), std::string::npos)
             << p.sink.skips[0].second;
       }},
      {"dry_run",
       {},
       {},
       [](Played& p) { p.options.dry_run = true, p.ledger.known = {"gone"}; },
       [](Played& p) {
         EXPECT_EQ(p.observer.would, 2U);
         EXPECT_TRUE(p.ledger.forgotten.empty());
       }},
      {"limit",
       {"A: 1\r\n"},
       {},
       [](Played& p) { p.options.limit = 1; },
       [](Played& p) { EXPECT_TRUE(p.result.more); }},
      {"limit", {"A: 1\r\n"}, {}, [](Played& p) { p.settings.max_messages_per_poll = 1; }},
      {"uidl_negative", {}, FailureKind::kProtocol},
      {"uidl_zero", {}, FailureKind::kProtocol},
      {"uidl_huge", {}, FailureKind::kProtocol},
      {"uidl_words", {}, FailureKind::kProtocol},
      {"uidl_number_twice", {}, FailureKind::kProtocol},
  };
  return all;
}

TEST(Pop3Client, PlaysEveryTranscript) {
  play_rows(rows());
}

TEST(Pop3Client, ProbesWithoutTrustingStat) {
  ScriptedPeer peer(load_transcript("pop3_client/probe.txt"));
  auto settings = alice();
  settings.endpoint = peer.endpoint();
  auto facts = make_retriever(settings)->probe({});
  EXPECT_EQ(facts.mechanism, "PLAIN");
  EXPECT_EQ(facts.messages, 18446744073709551615ULL);
  EXPECT_EQ(facts.capabilities.size(), 3U);
  EXPECT_EQ(peer.finish(), "");
}

TEST(Pop3Client, RefusesStatThatIsNoNumber) {
  ScriptedPeer peer(load_transcript("pop3_client/stat_lies.txt"));
  auto settings = alice();
  settings.endpoint = peer.endpoint();
  try {
    (void)make_retriever(settings)->folders({});
    FAIL();
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kProtocol);
  }
  EXPECT_EQ(peer.finish(), "");
}

TEST(Pop3Client, RefusesLineEndsInCredentials) {
  for (const char* bad : {"x\r\nDELE 1", "x\ny"}) {
    Played played;
    played.settings.credentials.password = [bad] { return mail::Secret(bad); };
    played.play("S: +OK\nC: CAPA\nS: -ERR\nEOF\n");
    EXPECT_EQ(played.failure, FailureKind::kConfiguration);
    EXPECT_EQ(played.mismatch, "");
  }
}

// A server that says all it has to say at once, in pieces of `chunk` octets.
retrieval::PollResult poll_canned(const std::string& server, std::size_t chunk, FakeLedger& ledger, FakeSink& sink,
                                  std::string* heard = nullptr) {
  Observer observer;
  auto dialer = [&](const net::Endpoint&, const net::Deadline&) {
    return std::make_unique<CannedStream>(server, chunk, heard);
  };
  return make_retriever(alice(), dialer)->poll(ledger, sink, observer, {}, kNow, {});
}

const char kSession[] =
    "+OK\r\n-ERR no capa\r\n+OK\r\n+OK\r\n+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n+OK 1 9\r\n+OK 2 9\r\n+OK 3 9\r\n"
    "+OK\r\nA: 1\r\n\r\n..\r\n.\r\n+OK\r\nB: 2\r\n\r\nx.\r\n.\r\n+OK\r\nC: 3\r\n\r\n...\r\n.\r\n+OK\r\n";
const std::vector<std::string> kSessionBodies{"A: 1\r\n\r\n.\r\n", "B: 2\r\n\r\nx.\r\n", "C: 3\r\n\r\n..\r\n"};

TEST(Pop3Client, EndsNoMessageThatWasCutAnywhere) {
  const std::string whole = kSession;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    FakeLedger ledger;
    FakeSink sink(ledger);
    bool failed = false;
    try {
      (void)poll_canned(whole.substr(0, cut), 7, ledger, sink);
    } catch (const mail::Failure& failure) {
      failed = true;
      EXPECT_EQ(failure.kind(), FailureKind::kTemporary) << cut;
    }
    ASSERT_FALSE(sink.is_open()) << cut;
    for (std::size_t i = 0; i < sink.ended.size(); ++i) ASSERT_EQ(sink.ended[i].bytes, kSessionBodies.at(i)) << cut;
    // Only the answer to QUIT may be missing without harm.
    EXPECT_EQ(failed, cut < whole.size() - 5) << cut;
    if (!failed) {
      EXPECT_EQ(sink.ended.size(), 3U);
    }
  }
}

TEST(Pop3Client, DoesNotMindHowTheBytesArrive) {
  for (std::size_t chunk : {1U, 2U, 3U, 5U, 64U, 100'000U}) {
    FakeLedger ledger;
    FakeSink sink(ledger);
    EXPECT_EQ(poll_canned(kSession, chunk, ledger, sink).fetched, 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(sink.ended.at(i).bytes, kSessionBodies.at(i));
  }
}

TEST(Pop3Client, ToleratesUidlsOfEveryLength) {
  const std::string common(70, 'p');
  std::string server = "+OK\r\n+OK\r\nPIPELINING\r\nTOP\r\n.\r\n+OK\r\n+OK\r\n-ERR\r\n+OK\r\n";
  std::vector<std::string> uidls{
      "u", common, common + "1", common + "2", std::string(128, 'x'), std::string(1024, 'y')};
  std::size_t number = 0;
  for (const auto& uidl : uidls) server += std::to_string(++number) + " " + uidl + "\r\n";
  server += std::to_string(++number) + " " + std::string(1025, 'z') + "\r\n";
  server += std::to_string(++number) + " " + std::string(1'000'000, 'z') + "\r\n";
  server += std::to_string(++number) + "\r\n.\r\n-ERR no list\r\n+OK\r\nA: 1\r\n\r\n.\r\n";
  for (std::size_t i = 0; i < 7; ++i) server += "+OK\r\nA: 1\r\n.\r\n";
  server += "+OK\r\n";
  FakeLedger ledger;
  ledger.known = {"gone?"};
  FakeSink sink(ledger);
  auto result = poll_canned(server, 1000, ledger, sink);
  ASSERT_EQ(sink.ended.size(), 7U);
  for (std::size_t i = 0; i < uidls.size(); ++i) EXPECT_EQ(sink.ended[i].incoming.source.uidl, uidls[i]);
  EXPECT_TRUE(sink.ended[6].incoming.source.uidl.starts_with("hash:"));
  EXPECT_EQ(result.warnings.size(), 2U);
  EXPECT_TRUE(ledger.forgotten.empty()) << "two messages have no identity: nothing is known to be gone";
}

TEST(Pop3Client, EndsAtLimitsInsteadOfGrowing) {
  const std::string prefix = "+OK\r\n-ERR\r\n+OK\r\n+OK\r\n";
  const struct {
    const char* name;
    std::string server;
  } cases[] = {
      {"greeting without end", std::string(100'000, 'x')},
      {"reply line without end", "+OK\r\n+OK " + std::string(100'000, 'x')},
      {"CAPA without end",
       [] {
         std::string text = "+OK\r\n+OK\r\n";
         for (int i = 0; i < 2000; ++i) text += "X\r\n";
         return text;
       }()},
      {"UIDL line without end", prefix + "+OK\r\n1 " + std::string(17'000'000, 'x')},
  };
  for (const auto& row : cases) {
    FakeLedger ledger;
    FakeSink sink(ledger);
    try {
      (void)poll_canned(row.server, 65536, ledger, sink);
      ADD_FAILURE() << row.name;
    } catch (const mail::Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kLimit) << row.name << ": " << failure.text();
    }
  }
}

}  // namespace
}  // namespace mailstead::pop3
