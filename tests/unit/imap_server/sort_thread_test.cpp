// SORT and THREAD (RFC 5256), SORT=DISPLAY (5957).
#include <gtest/gtest.h>

#include <chrono>

#include "connectors/imap/server/base_subject.h"
#include "connectors/imap/server/threading.h"
#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

TEST(BaseSubject, IsWhatRemainsOfReplyMarks) {
  const struct {
    const char *subject, *base;
    bool is_reply;
  } rows[] = {
      {"Hello", "Hello", false},
      {"  Hello \t world ", "Hello world", false},
      {"Re: Hello", "Hello", true},
      {"RE : re:Fw: FWD: Hello", "Hello", true},
      {"Re [2]: Hello", "Hello", true},
      {"[list] Hello", "Hello", false},
      {"[list] [b]  Hello", "Hello", false},
      {"[list] Re: [list] Hello (fwd) (FWD) ", "Hello", true},
      {"[one][two] re: x", "x", true},
      {"[Fwd: Hello]", "Hello", true},
      {"[fwd: [list] Re: Hello (fwd)]", "Hello", true},
      {"[FWD: [fwd: x]]", "x", true},
      {"[blob]", "[blob]", false},
      {"[a] [b]", "[b]", false},
      {"Re: [b]", "[b]", true},
      {"Re:", "", true},
      {"(fwd)", "", true},
      {"Regarding: x", "Regarding: x", false},
      {"re x", "re x", false},
      {"fwdx: y", "fwdx: y", false},
      {"[a[b] x", "[a[b] x", false},
      {"=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=",
       "Gr\xC3\xBC\xC3\x9F"
       "e",
       true},
      {"", "", false},
  };
  for (const auto& row : rows) {
    imap::BaseSubject base = imap::base_subject(row.subject);
    EXPECT_EQ(base.text, row.base) << row.subject;
    EXPECT_EQ(base.is_reply, row.is_reply) << row.subject;
  }
}

TEST(BaseSubject, OfAHostileSubjectIsFoundInLinearTime) {
  for (std::string piece : {"re:", "[x]", "[", "(fwd)", "[fwd:", " ", "re [", "re[x]"}) {
    std::string subject;
    while (subject.size() < 1'000'000) subject += piece;
    auto begun = std::chrono::steady_clock::now();
    (void)imap::base_subject(subject);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << piece;
  }
}

using imap::ThreadRow;

std::string shown(const imap::Threads& threads, const std::vector<ThreadRow>& rows) {
  std::string out;
  for (auto root : threads.roots)
    append_thread(out, threads, root, [&](std::uint32_t row) { return rows[row].number; });
  return out;
}

// A row for each, numbered from 1 and dated in that order.
ThreadRow row(std::uint32_t number, const std::string& id, const std::vector<std::string>& references,
              const std::string& subject = "S", bool is_reply = false) {
  return {number, number, subject, is_reply, id, references};
}

TEST(Threading, FollowsReferences) {
  const struct {
    const char* name;
    std::vector<ThreadRow> rows;
    const char* threads;
  } cases[] = {
      {"nothing", {}, ""},
      {"a chain", {row(1, "a", {}), row(2, "b", {"a"}), row(3, "c", {"a", "b"})}, "(1 2 3)"},
      {"answers in any order", {row(1, "c", {"a", "b"}), row(2, "b", {"a"}), row(3, "a", {})}, "(3 2 1)"},
      {"two answers",
       {row(1, "a", {}), row(2, "b", {"a"}), row(3, "c", {"a"}), row(4, "d", {"a", "b"})},
       "(1 (2 4)(3))"},
      {"a missing message in between is passed over", {row(1, "a", {}), row(2, "c", {"a", "b"})}, "(1 2)"},
      {"a missing first message with one answer", {row(1, "b", {"a"})}, "(1)"},
      {"a missing first message with two answers is a dummy",
       {row(1, "b", {"a"}, "X"), row(2, "c", {"a"}, "Y")},
       "((1)(2))"},
      {"a loop", {row(1, "a", {"b"}, "X"), row(2, "b", {"a"}, "Y")}, "(2 1)"},
      {"an answer to itself", {row(1, "a", {"a"})}, "(1)"},
      {"an id that is there twice", {row(1, "a", {}, "X"), row(2, "a", {}, "Y"), row(3, "b", {"a"}, "Z")}, "(1 3)(2)"},
      {"no ids", {row(1, "", {}, "X"), row(2, "", {}, "Y")}, "(1)(2)"},
      {"its own references count, not those of others",
       {row(1, "a", {}, "A"), row(2, "x", {}, "X"), row(3, "c", {"x", "b"}, "C"), row(4, "b", {"a"}, "B")},
       "(1 4 3)(2)"},
      {"one subject: an answer goes below", {row(1, "a", {}, "S"), row(2, "b", {}, "S", true)}, "(1 2)"},
      {"one subject: an answer that came before", {row(1, "b", {}, "S", true), row(2, "a", {}, "S")}, "(2 1)"},
      {"one subject, no answers: side by side",
       {row(1, "a", {}, "S"), row(2, "b", {}, "S"), row(3, "c", {}, "S")},
       "((1)(2)(3))"},
      {"one subject, both answers: side by side", {row(1, "a", {}, "S", true), row(2, "b", {}, "S", true)}, "((1)(2))"},
      {"a dummy takes in what has its subject",
       {row(1, "b", {"a"}, "S", true), row(2, "c", {"a"}, "S", true), row(3, "d", {}, "S")},
       "((1)(2)(3))"},
      {"two dummies become one",
       {row(1, "b", {"a"}), row(2, "c", {"a"}), row(3, "f", {"e"}), row(4, "g", {"e"})},
       "((1)(2)(3)(4))"},
      {"an empty subject gathers nothing", {row(1, "a", {}, ""), row(2, "b", {}, "")}, "(1)(2)"},
  };
  for (const auto& one : cases) EXPECT_EQ(shown(thread_by_references(one.rows), one.rows), one.threads) << one.name;
}

TEST(Threading, OrdersSiblingsByDateThenNumber) {
  std::vector<ThreadRow> rows = {row(1, "a", {}), row(2, "b", {"a"}), row(3, "c", {"a"}), row(4, "d", {"a"}),
                                 row(5, "e", {}, "Other")};
  rows[1].date = 9;
  rows[2].date = rows[3].date = 7;
  rows[4].date = 0;
  EXPECT_EQ(shown(thread_by_references(rows), rows), "(5)(1 (3)(4)(2))");
}

TEST(Threading, GathersBySubject) {
  std::vector<ThreadRow> rows = {row(1, "", {}, "B"), row(2, "", {}, "A"), row(3, "", {}, "B"),
                                 row(4, "", {}, "B"), row(5, "", {}, "C"), row(6, "", {}, "A")};
  rows[3].date = 0;  // message 4 is the oldest of all
  EXPECT_EQ(shown(thread_by_subject(rows), rows), "(4 (1)(3))(2 6)(5)");
}

TEST(Threading, TakesChainsOfAnyLength) {
  std::vector<ThreadRow> rows;
  for (std::uint32_t i = 1; i <= 100'000; ++i)
    rows.push_back(row(i, std::to_string(i), i == 1 ? std::vector<std::string>() : std::vector{std::to_string(i - 1)}));
  std::string forward = shown(thread_by_references(rows), rows);
  EXPECT_TRUE(forward.starts_with("(1 2 3 4"));
  EXPECT_TRUE(forward.ends_with("99999 100000)"));
  std::reverse(rows.begin(), rows.end());
  auto begun = std::chrono::steady_clock::now();
  (void)thread_by_references(rows);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
}

// Each pair of the later rows would be a walk up the long chain that the first row is.
TEST(Threading, LooksForLoopsWithinItsBudget) {
  constexpr std::uint32_t kPairs = 20'000, kDepth = 9'000;
  std::vector<ThreadRow> rows;
  std::vector<std::string> chain;
  for (std::uint32_t i = 0; i < kDepth; ++i) chain.push_back("r" + std::to_string(i));
  rows.push_back(row(1, "", chain, ""));
  for (std::uint32_t i = 0; i < kPairs; ++i) {
    const std::string x = "x" + std::to_string(i);
    rows.push_back(row(2 * i + 2, "", {x}, ""));
    rows.push_back(row(2 * i + 3, "", {chain.back(), x}, ""));
  }
  // 69,000 references give 790,000 steps: 87 walks of 9,000.
  const imap::Threads threads = thread_by_references(rows);
  EXPECT_EQ(threads.roots.size(), 1 + kPairs - 87);
  const std::string text = shown(threads, rows);
  EXPECT_TRUE(text.starts_with("((1)(2)(3)(4)(5)")) << text.substr(0, 100);
  EXPECT_TRUE(text.ends_with("((39998)(39999))((40000)(40001))")) << text.substr(text.size() - 100);
}

class ImapSorting : public ImapServer {
 protected:
  ImapSorting() {
    //      From                               To            Cc     Subject             Date         arrival
    put("\"Zoe\" <anna@x.example>", "max@x", "", "[list] banana", "3 Jan 2020 10:00:00 +0000", 50);
    put("bert@x.example", "Kim <a@x>", "z@x", "Re: Apple", "1 Jan 2020 10:00:00 -0500", 40);
    put("=?utf-8?q?=C3=84nne?= <carl@x.example>", "Team: q@x;", "b@x", "apple (fwd)", "1 Jan 2020 14:59:59 +0000", 30);
    put("Anna <dora@x.example>", "", "", "_under", "nonsense", 20, "Some more text.\r\n");
    client_.login();
    (void)client_.command("SELECT INBOX");
  }
  void put(const std::string& from, const std::string& to, const std::string& cc, const std::string& subject,
           const std::string& date, int arrival, const std::string& body = "x\r\n") {
    std::string message = "From: " + from + "\r\n" + (to.empty() ? "" : "To: " + to + "\r\n") +
                          (cc.empty() ? "" : "Cc: " + cc + "\r\n") + "Subject: " + subject + "\r\nDate: " + date +
                          "\r\n\r\n" + body;
    message.resize(std::max<std::size_t>(message.size(), 200 + static_cast<std::size_t>(arrival)), 'x');
    store_.put("alice", "INBOX", message, {}, mail::WallTime(std::chrono::seconds(arrival)));
  }
  Client client_{make()};
};

TEST_F(ImapSorting, OrdersByEachCriterion) {
  const struct {
    const char *criteria, *order;
  } rows[] = {
      {"ARRIVAL", "4 3 2 1"},
      {"REVERSE ARRIVAL", "1 2 3 4"},
      {"SIZE", "4 3 2 1"},
      {"DATE", "4 3 2 1"},  // 4 has none: when it came, 1970
      {"FROM", "1 2 3 4"},
      {"REVERSE FROM", "4 3 2 1"},
      {"TO", "4 2 1 3"},
      {"CC", "1 4 3 2"},
      {"SUBJECT", "2 3 1 4"},
      {"REVERSE SUBJECT", "4 1 2 3"},
      {"SUBJECT DATE", "3 2 1 4"},
      {"SUBJECT REVERSE DATE", "2 3 1 4"},
      {"DISPLAYFROM", "4 2 1 3"},
      {"DISPLAYTO", "4 2 1 3"},
      {"CC REVERSE ARRIVAL", "1 4 3 2"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(client_.command("SORT (" + std::string(row.criteria) + ") UTF-8 ALL"),
              "* SORT " + std::string(row.order) + "\r\nt OK Sort completed.\r\n")
        << row.criteria;
  }
}

TEST_F(ImapSorting, SortsWhatIsFound) {
  EXPECT_TRUE(client_.command("UID SORT (FROM) US-ASCII SUBJECT apple").starts_with("* SORT 2 3\r\n"));
  EXPECT_TRUE(client_.command("SORT (FROM) UTF-8 FLAGGED").starts_with("* SORT\r\n"));
  (void)client_.command("STORE 3 +FLAGS.SILENT (\\Deleted)");
  (void)client_.command("UID STORE 1 +FLAGS.SILENT (\\Flagged)");
  (void)client_.command("EXPUNGE");
  EXPECT_TRUE(client_.command("UID SORT (ARRIVAL) UTF-8 ALL").starts_with("* SORT 4 2 1\r\n"));
  EXPECT_TRUE(client_.command("SORT (ARRIVAL) UTF-8 ALL").starts_with("* SORT 3 2 1\r\n"));
  std::string answer = client_.command("SORT (ARRIVAL) UTF-8 MODSEQ 1 FLAGGED");
  EXPECT_TRUE(Client::has(answer, "* SORT 1 (MODSEQ ")) << answer;
}

TEST_F(ImapSorting, RefusesWhatIsNoSort) {
  for (const char* command : {"SORT", "SORT ()  UTF-8 ALL", "SORT (FROB) UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL",
                              "SORT (DATE) UTF-8", "SORT (DATE SIZE DATE) UTF-8 ALL",
                              "SORT (DATE REVERSE DATE) UTF-8 ALL", "SORT (REVERSE REVERSE DATE) UTF-8 ALL",
                              "SORT DATE UTF-8 ALL", "THREAD FROB UTF-8 ALL", "THREAD REFERENCES UTF-8"})
    EXPECT_TRUE(client_.command(command).starts_with("t BAD")) << command;
  EXPECT_TRUE(client_.command("SORT (DATE) KOI8-R ALL").starts_with("t NO [BADCHARSET"));
  EXPECT_TRUE(client_.command("THREAD REFERENCES KOI8-R ALL").starts_with("t NO [BADCHARSET"));
}

TEST_F(ImapSorting, ThreadsAMailbox) {
  EXPECT_EQ(client_.command("THREAD ORDEREDSUBJECT UTF-8 ALL"), "* THREAD (4)(3 2)(1)\r\nt OK Thread completed.\r\n");
  auto mail = [](const std::string& id, const std::string& more) {
    return "Message-ID: <" + id + ">\r\n" + more + "\r\n\r\nx\r\n";
  };
  store_.put("alice", "Talk", mail("one@x", "Subject: A"));
  store_.put("alice", "Talk", mail("two@x", "Subject: Re: A\r\nIn-Reply-To: Your message <one@x> of <yesterday>"));
  store_.put("alice", "Talk", mail("three@x", "Subject: B\r\nReferences: <one@x>\r\n <two@x>"));
  store_.put("alice", "Talk", mail("four@x", "Subject: Re: A"));
  store_.put("alice", "Talk", mail("five@x", "Subject: C"));
  (void)client_.command("SELECT Talk");
  EXPECT_EQ(client_.command("THREAD REFERENCES UTF-8 ALL"), "* THREAD (1 (2 3)(4))(5)\r\nt OK Thread completed.\r\n");
  EXPECT_TRUE(client_.command("UID THREAD REFERENCES UTF-8 NOT 2").starts_with("* THREAD (1 (3)(4))(5)\r\n"));
  EXPECT_TRUE(client_.command("THREAD REFERENCES UTF-8 FLAGGED").starts_with("* THREAD\r\n"));
}

TEST_F(ImapSorting, TakesEachCriterionOnceAllTogether) {
  EXPECT_TRUE(client_.command("SORT (DISPLAYFROM DISPLAYTO ARRIVAL CC DATE FROM SIZE SUBJECT TO) UTF-8 ALL")
                  .starts_with("* SORT 4 2 1 3\r\n"));
}

TEST_F(ImapSorting, KeepsNoMoreThanItsLimit) {
  const auto fill = [&](const std::string& mailbox, const std::string& header, int doublings) {
    store_.put("alice", mailbox, header + "\r\n\r\nx\r\n");
    (void)client_.command("SELECT " + mailbox);
    for (int i = 0; i < doublings; ++i) (void)client_.command("COPY 1:* " + mailbox);
  };
  const std::string word(600, 'x');
  fill("Wide", "From: " + word + "\r\nTo: " + word + "\r\nCc: " + word + "\r\nSubject: " + word, 15);
  const std::string sort = "SORT (DISPLAYFROM DISPLAYTO FROM TO CC SUBJECT ARRIVAL SIZE DATE) UTF-8 ";
  EXPECT_TRUE(Client::ok(client_.command(sort + "1:1000")));
  EXPECT_EQ(client_.command(sort + "ALL"), "t NO [LIMIT] Too many messages to sort at once.\r\n");

  std::string references;
  for (int i = 0; i < 900; ++i) references += "<@> ";
  fill("Long", "References: " + references, 12);
  EXPECT_TRUE(Client::ok(client_.command("THREAD REFERENCES UTF-8 1:1000")));
  EXPECT_EQ(client_.command("THREAD REFERENCES UTF-8 ALL"), "t NO [LIMIT] Too many messages to thread at once.\r\n");
}

TEST_F(ImapSorting, ReadsNoMessageForIt) {
  for (storage::ContentId id = 1; id <= 4; ++id) store_.content().drop(id);
  EXPECT_TRUE(client_.command("SORT (SUBJECT FROM) UTF-8 ALL").starts_with("* SORT 2 3 1 4\r\n"));
  EXPECT_TRUE(Client::ok(client_.command("THREAD REFERENCES UTF-8 ALL")));
}

}  // namespace
}  // namespace mailstead::test
