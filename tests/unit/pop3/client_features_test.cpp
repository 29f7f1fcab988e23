// The client against transcripts of what servers offer, and of what is wrong with them.
#include <gtest/gtest.h>

#include "tests/unit/pop3/played.h"

namespace mailstead::pop3 {
namespace {

using mail::FailureKind;
using testing::kNow;
using testing::Names;
using testing::play_rows;
using testing::Played;
using testing::Row;
using testing::with_delete;
using testing::with_warning;

const std::vector<std::string> kOne{"A: 1\r\n"};
const std::vector<std::string> kTwo{"A: 1\r\n", "B: 2\r\n"};
const std::vector<std::string> kThree{"A: 1\r\n", "B: 2\r\n", "C: 3\r\n"};
const char kKnown[] = "server=localhost:{PORT}/none has=PIPELINING,TOP,UIDL,USER sasl=PLAIN asked=1700000000";

void without_warning(Played& played) {
  EXPECT_TRUE(played.result.warnings.empty()) << played.result.warnings.front();
}
void knowing_the_server(Played& played) {
  played.remembered = kKnown;
}
void impatient(Played& played) {
  played.settings.endpoint.timeouts.command = std::chrono::seconds(1);
}

TEST(Pop3Client, ObeysWhatTheServerAnnounces) {
  play_rows({
      {"expire_zero",
       {},
       {},
       {},
       [](Played& p) {
         EXPECT_TRUE(p.warned_of("EXPIRE 0"));
         EXPECT_TRUE(p.remembers("told-expiry=0")) << p.remembered;
       }},
      {"expire_told", {}, {}, [](Played& p) { p.remembered = "told-expiry=0"; }, without_warning},
      // What is deleted at once anyway needs no warning.
      {"expire_zero", {}, {}, with_delete, without_warning},
      {"expire_days", {}, {}, {}, [](Played& p) { EXPECT_TRUE(p.warned_of("7 days")); }},
      {"expire_days",
       {},
       {},
       [](Played& p) { with_delete(p), p.settings.after = std::chrono::hours(24 * 14); },
       [](Played& p) { EXPECT_TRUE(p.warned_of("7 days")); }},
      {"expire_never", {}, {}, {}, without_warning},
      {"expire_zero_no_top", {"A: 1\r\n\r\n"}, {}, [](Played& p) { p.options.limit = 1; }},
      {"login_delay",
       kTwo,
       {},
       [](Played& p) { with_delete(p), p.settings.commit_every = 1; },
       [](Played& p) { EXPECT_EQ(p.result.not_before, std::chrono::seconds(900)); }},
      {"utf8", {"A: \xc3\xa4\r\n"}},
      {"utf8_one_by_one", {}},
  });
}

TEST(Pop3Client, TellsRefusalsApart) {
  play_rows({
      {"auth_delay_words",
       {},
       FailureKind::kTemporary,
       {},
       [](Played& p) { EXPECT_EQ(p.failure_wait, std::chrono::minutes(5)); }},
      {"auth_temporary", {}, FailureKind::kTemporary, {}, [](Played& p) { EXPECT_FALSE(p.failure_wait); }},
      {"auth_not_the_password",
       {},
       FailureKind::kTemporary,
       {},
       [](Played& p) { EXPECT_EQ(p.failure_wait, std::chrono::minutes(15)); }},
      {"auth_utf8", {}, FailureKind::kPermanent},
  });
}

TEST(Pop3Client, RemembersTheServer) {
  play_rows({
      {"pipelined",
       kThree,
       {},
       {},
       [](Played& p) {
         EXPECT_TRUE(p.remembers("has=PIPELINING,UIDL,TOP,USER")) << p.remembered;
         EXPECT_TRUE(p.remembers("sasl=PLAIN") && p.remembers("messages=3") && p.remembers("asked=1700000000"));
       }},
      {"user_pass_pipelined", {}},
      {"remembered", {}, {}, [](Played& p) { knowing_the_server(p), p.ledger.known = {"a"}; }},
      {"remembered_large",
       {"B: 2\r\n"},
       {},
       [](Played& p) { knowing_the_server(p), p.remembered += " messages=2001", p.ledger.known = {"a"}; }},
      {"remembered_elsewhere",
       {},
       {},
       [](Played& p) {
         p.remembered =
             "server=pop.example.org:995/implicit capa-failures=2 has=PIPELINING sasl=PLAIN asked=1700000000";
       }},
      // After a week CAPA is asked again.
      {"remembered_elsewhere",
       {},
       {},
       [](Played& p) { knowing_the_server(p), p.now = kNow + std::chrono::hours(24 * 8); },
       [](Played& p) { EXPECT_TRUE(p.remembers("asked=1700691200")) << p.remembered; }},
      {"remembered_refused",
       {},
       FailureKind::kAuthentication,
       knowing_the_server,
       [](Played& p) { EXPECT_EQ(p.remembered.find("sasl"), std::string::npos) << p.remembered; }},
  });
}

TEST(Pop3Client, RecognisesServersThatBreakUnderPipelining) {
  auto suspects = [](const char* word) {
    return [word](Played& p) { EXPECT_TRUE(p.remembers(std::string(word) + "@1700000000")) << p.remembered; };
  };
  play_rows({
      {"login_drops_pipelined", {}, {}, impatient, suspects("login-failures=1")},
      {"login_takes_pipelined", {}, {}, {}, suspects("login-failures=1")},
      {"pipelining_drops", kThree, {}, {}, suspects("pipelining-failures=1")},
      {"pipelining_garbles", kThree, {}, {}, suspects("pipelining-failures=2")},
      {"pipelining_given_up",
       kTwo,
       {},
       [](Played& p) { knowing_the_server(p), p.remembered += " pipelining-failures=2@1699999999"; },
       [](Played& p) { EXPECT_TRUE(p.remembers("pipelining-failures=2@1699999999")) << p.remembered; }},
      // A month later it is tried again, and a success forgets the failures.
      {"pipelined",
       kThree,
       {},
       [](Played& p) { p.remembered = "pipelining-failures=2@1690000000 login-failures=2@1690000000"; },
       [](Played& p) { EXPECT_EQ(p.remembered.find("pipelining-failures"), std::string::npos) << p.remembered; }},
  });
}

TEST(Pop3Client, CommitsDeletionsInParts) {
  play_rows({
      {"commit_every",
       kThree,
       {},
       [](Played& p) { with_delete(p), p.settings.commit_every = 2; },
       [](Played& p) {
         EXPECT_EQ(p.ledger.deleted, (Names{"a", "b", "c"}));
         EXPECT_EQ(p.result.cleaned, 3U);
       }},
      {"delete_lost_among_many",
       kTwo,
       {},
       with_delete,
       [](Played& p) {
         EXPECT_EQ(p.ledger.deleted, (Names{"a", "b"}));
       }},
  });
}

TEST(Pop3Client, TakesWhatTheOptionsAskFor) {
  play_rows({
      {"mark_retrieved",
       {},
       {},
       [](Played& p) { p.options.mark_retrieved = true; },
       [](Played& p) {
         EXPECT_EQ(p.ledger.known, (std::set<std::string, std::less<>>{"a", "b", "c"}));
         EXPECT_EQ(p.result.fetched, 0U);
       }},
      {"mark_retrieved",
       {},
       {},
       [](Played& p) { p.options.mark_retrieved = true, p.options.limit = 2; },
       [](Played& p) { EXPECT_EQ(p.ledger.known.size(), 2U); }},
      {"since",
       {"A: 1\r\n", "D: 4\r\n"},
       {},
       [](Played& p) { p.options.since = kNow - std::chrono::hours(24); },
       [](Played& p) { EXPECT_EQ(p.observer.messages, 2U); }},
      {"since_no_top", {}, {}, [](Played& p) { p.options.since = kNow; }, with_warning},
  });
}

TEST(Pop3Client, BearsWithOddServers) {
  play_rows({
      {"final_dot", {"A: 1\r\n\r\nxy", "B: 2\r\n"}},
      {"final_dot_last", {"A: 1\r\n\r\nxy"}, {}, impatient},
      {"final_dot_not", {"A: 1\r\n\r\nxy.\r\nmore.\r\n", "B: 2\r\n"}},
      {"bare_line_feeds", {"A: 1\r\n\r\n.x\r\ny\r\n"}},
      {"status_variants", kOne},
      {"huge_size", kThree, {}, [](Played& p) { p.settings.skip_larger_than = 1000; }},
      {"gmail_vanishes", kTwo},
      {"gmail_vanished",
       {"C: 3\r\n"},
       {},
       [](Played& p) {
         knowing_the_server(p), p.ledger.known = {"a", "b"};
       },
       [](Played& p) {
         EXPECT_EQ(p.ledger.forgotten, (Names{"a", "b"}));
       }},
      {"top_truncated", {"A: 1\r\nB: cut here not\r\n\r\nwhole\r\n"}},
      {"repeated_header",
       {"A: 1\r\n", "A: 1\r\n"},
       {},
       {},
       [](Played& p) { EXPECT_EQ(p.sink.ended[1].incoming.source.uidl, p.sink.ended[0].incoming.source.uidl + "#2"); }},
      {"empty_suddenly",
       {},
       {},
       [](Played& p) {
         for (char c = 'a'; c < 'k'; ++c) p.ledger.known.insert(std::string(1, c));
       },
       [](Played& p) {
         EXPECT_TRUE(p.ledger.forgotten.empty());
         EXPECT_TRUE(p.remembers("vanished=1"));
       }},
      {"empty_suddenly",
       {},
       {},
       [](Played& p) {
         for (char c = 'a'; c < 'k'; ++c) p.ledger.known.insert(std::string(1, c));
         p.remembered = "vanished=1";
       },
       [](Played& p) {
         EXPECT_EQ(p.ledger.forgotten.size(), 10U);
         EXPECT_FALSE(p.remembers("vanished=1"));
       }},
  });
}

void with_trouble(Played& played, unsigned attempts, std::chrono::hours next) {
  storage::Trouble& trouble = played.ledger.kept_troubles["a"];
  trouble.source.uidl = "a";
  trouble.attempts = attempts;
  trouble.stepped_over = attempts >= storage::kPoisonAttempts;
  trouble.next_try = kNow + next;
  if (trouble.stepped_over) played.ledger.known.insert("a");
}

TEST(Pop3Client, StepsOverMessagesThatBreakTheConnection) {
  play_rows({
      {"poison_again",
       {},
       FailureKind::kTemporary,
       {},
       [](Played& p) { EXPECT_EQ(p.ledger.kept_troubles.at("a").attempts, 2U); }},
      {"poison",
       {"B: 2\r\n"},
       {},
       [](Played& p) { with_trouble(p, 2, std::chrono::hours(0)); },
       [](Played& p) {
         EXPECT_TRUE(p.ledger.kept_troubles.at("a").stepped_over);
         EXPECT_TRUE(p.warned_of("stepped over"));
         EXPECT_EQ(p.remembered.find("pipelining-failures"), std::string::npos) << p.remembered;
       }},
      {"poison_retried", kTwo, {}, [](Played& p) { with_trouble(p, 3, std::chrono::hours(0)); }},
      {"poison_rests", {"B: 2\r\n"}, {}, [](Played& p) { with_trouble(p, 3, std::chrono::hours(1)); }},
      {"retr_refused",
       {"A: 1\r\n", "C: 3\r\n"},
       {},
       {},
       [](Played& p) { EXPECT_EQ(p.ledger.kept_troubles.at("b").attempts, 1U); }},
      {"retr_refused_temporarily",
       {},
       {},
       {},
       [](Played& p) {
         EXPECT_TRUE(p.ledger.kept_troubles.empty());
         EXPECT_EQ(p.result.warnings.size(), 2U);
       }},
  });
}

TEST(Pop3Client, KnowsRenamedMessagesAgain) {
  play_rows({{"renamed",
              {"D: 4\r\n", "E: 5\r\n"},
              {},
              [](Played& p) {
                p.ledger.known = {"o1", "o2", "o3", "o9"};
                p.ledger.retrieved = {{"o1", "1@x", "", "", 100},
                                      {"o2", "2@x", "", "", 222},  // LIST does not give it exactly
                                      {"o3", "", "a@x", "report", 300},
                                      {"o9", "9@x", "", "", 900}};
              },
              [](Played& p) {
                using Pair = std::pair<std::string, std::string>;
                auto renamed = p.ledger.renamed;
                std::sort(renamed.begin(), renamed.end());
                EXPECT_EQ(renamed, (std::vector<Pair>{{"o1", "n1"}, {"o2", "n2"}, {"o3", "n3"}}));
                EXPECT_EQ(p.ledger.forgotten, Names{"o9"});
                EXPECT_TRUE(p.warned_of("3 of 4"));
              }}});
}

}  // namespace
}  // namespace mailstead::pop3
