// CONDSTORE and QRESYNC (RFC 7162).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

std::uint64_t number_after(const std::string& text, const std::string& word) {
  auto at = text.find(word);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + word.size(), nullptr, 10);
}

class ImapCondstore : public ImapServer {
 protected:
  ImapCondstore() {
    for (int i = 1; i <= 5; ++i) store_.put("alice", "INBOX", plain_message("m" + std::to_string(i)));
  }
  Client opened(const std::string& enable = "", const std::string& select = "SELECT INBOX") {
    Client made = signed_in();
    if (!enable.empty()) (void)made.command("ENABLE " + enable);
    EXPECT_TRUE(Client::ok(made.command(select)));
    return made;
  }
  static std::uint64_t modseq_of(Client& client, int number) {
    return number_after(client.command("FETCH " + std::to_string(number) + " MODSEQ"), "MODSEQ (");
  }
  [[nodiscard]] std::uint64_t highest() { return store_.mail().find("alice", "INBOX")->highest_modseq; }
  [[nodiscard]] std::string select_qresync(std::uint64_t modseq, const std::string& more = "") {
    auto box = store_.mail().find("alice", "INBOX");
    return "SELECT INBOX (QRESYNC (" + std::to_string(box->uid_validity) + " " + std::to_string(modseq) + more + "))";
  }
};

TEST_F(ImapCondstore, TellsTheHighestModseqWithEverySelect) {
  Client client = signed_in();
  EXPECT_TRUE(Client::has(client.command("SELECT INBOX"), "* OK [HIGHESTMODSEQ " + std::to_string(highest()) + "]"));
  std::string answer = client.command("EXAMINE Sent");
  EXPECT_TRUE(answer.starts_with("* OK [CLOSED]")) << answer;
  EXPECT_TRUE(Client::has(answer, "* OK [HIGHESTMODSEQ "));
  EXPECT_FALSE(Client::has(answer, "NOMODSEQ"));
  EXPECT_TRUE(client.command("SELECT nowhere").starts_with("* OK [CLOSED]"));
  EXPECT_FALSE(Client::has(client.command("SELECT INBOX"), "[CLOSED]"));
}

TEST_F(ImapCondstore, SpeaksOfModseqOnlyOnceAClientDid) {
  const struct {
    const char* command;
    bool says_highest;
  } rows[] = {{"FETCH 1 MODSEQ", true},
              {"STATUS Sent (HIGHESTMODSEQ)", true},
              {"ENABLE CONDSTORE", true},
              {"SEARCH MODSEQ 1", true},
              {"STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Draft)", true},
              {"FETCH 1:* FLAGS (CHANGEDSINCE 1)", true},
              {"SELECT INBOX (CONDSTORE)", true},
              {"LIST \"\" Sent RETURN (STATUS (HIGHESTMODSEQ))", true},
              {"FETCH 1 FLAGS", false},
              {"STATUS Sent (MESSAGES)", false}};
  for (const auto& row : rows) {
    Client client = opened(), other = opened();
    std::string answer = client.command(row.command);
    EXPECT_TRUE(Client::ok(answer)) << answer;
    EXPECT_EQ(Client::has(answer, "* OK [HIGHESTMODSEQ "), row.says_highest) << row.command << answer;
    (void)other.command("STORE 2 +FLAGS.SILENT (\\Flagged)");
    EXPECT_EQ(Client::has(client.command("NOOP"), "MODSEQ ("), row.says_highest) << row.command;
    (void)other.command("STORE 2 -FLAGS.SILENT (\\Flagged)");
  }
}

TEST_F(ImapCondstore, SaysModseqInAnswersToStoreAndToFetchThatSetsSeen) {
  Client client = opened("CONDSTORE");
  std::uint64_t before = highest();
  std::string answer = client.command("STORE 1 +FLAGS (\\Seen)");
  EXPECT_EQ(answer, "* 1 FETCH (FLAGS (\\Seen \\Recent) MODSEQ (" + std::to_string(before + 1) + "))\r\n" +
                        "t OK Store completed.\r\n");
  answer = client.command("UID STORE 1 +FLAGS.SILENT (\\Flagged)");
  EXPECT_EQ(answer, "* 1 FETCH (UID 1 MODSEQ (" + std::to_string(before + 2) + "))\r\nt OK Store completed.\r\n");
  answer = client.command("FETCH 2 BODY[TEXT]");
  EXPECT_TRUE(Client::has(answer, " FLAGS (\\Seen \\Recent) MODSEQ (" + std::to_string(before + 3) + "))")) << answer;
  EXPECT_EQ(modseq_of(client, 2), before + 3);
  EXPECT_EQ(client.command("NOOP"), "t OK Nothing done.\r\n");
}

TEST_F(ImapCondstore, StoresOnlyWhatDidNotChangeSince) {
  Client client = opened("CONDSTORE"), other = opened();
  std::uint64_t known = highest();
  (void)other.command("STORE 2,4 +FLAGS (\\Flagged)");
  std::string answer =
      client.command("STORE 1:4 (UNCHANGEDSINCE " + std::to_string(known) + ") +FLAGS.SILENT (\\Deleted)");
  EXPECT_TRUE(Client::has(answer, "t OK [MODIFIED 2,4] ")) << answer;
  EXPECT_TRUE(Client::has(answer, "* 1 FETCH (MODSEQ ("));
  EXPECT_TRUE(Client::has(answer, "* 3 FETCH (MODSEQ ("));
  EXPECT_TRUE(Client::has(answer, "* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent) MODSEQ (") ||
              Client::has(answer, "* 2 FETCH (UID 2 FLAGS (\\Flagged) MODSEQ ("));
  EXPECT_TRUE(Client::has(client.command("SEARCH DELETED"), "* SEARCH 1 3\r\n"));
  EXPECT_TRUE(Client::has(client.command("UID STORE 5 (UNCHANGEDSINCE 0) FLAGS (\\Seen)"), "t OK [MODIFIED 5]"));
  EXPECT_TRUE(Client::has(client.command("STORE 5 (UNCHANGEDSINCE " + std::to_string(highest()) + ") FLAGS (\\Seen)"),
                          "t OK Store"));
  EXPECT_TRUE(Client::has(client.command("STORE 5 (FROB 1) FLAGS (\\Seen)"), "t BAD"));
  EXPECT_TRUE(Client::has(client.command("STORE 5 () FLAGS (\\Seen)"), "t BAD"));
  EXPECT_TRUE(Client::has(client.command("STORE 5 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()"), "t BAD"));
}

TEST_F(ImapCondstore, KeepsConditionsOverTheTransactionsOfALargeStore) {
  for (int i = 0; i < 2500; ++i) store_.put("alice", "Large", "S: x\r\n\r\n");
  Client client = opened("CONDSTORE", "SELECT Large"), other = opened("", "SELECT Large");
  std::uint64_t known = store_.mail().find("alice", "Large")->highest_modseq;
  (void)other.command("STORE 7,1500,2500 +FLAGS (\\Flagged)");
  std::string answer =
      client.command("STORE 1:* (UNCHANGEDSINCE " + std::to_string(known) + ") +FLAGS.SILENT (\\Deleted)");
  EXPECT_TRUE(Client::has(answer, "t OK [MODIFIED 7,1500,2500]"));
  EXPECT_TRUE(Client::has(client.command("SEARCH RETURN (COUNT) DELETED"), "COUNT 2497"));
}

TEST_F(ImapCondstore, NamesWhatWasExpungedMeanwhile) {
  Client client = opened("CONDSTORE"), other = opened();
  std::uint64_t known = highest();
  (void)other.command("STORE 2 +FLAGS (\\Flagged)");
  (void)other.command("STORE 3 +FLAGS (\\Deleted)");
  (void)other.command("EXPUNGE");
  (void)client.command("FETCH 1 FLAGS");
  std::string answer = client.command("STORE 2:3 (UNCHANGEDSINCE " + std::to_string(known) + ") +FLAGS (\\Draft)");
  EXPECT_TRUE(Client::has(answer, "t NO [MODIFIED 2] Some of the messages no longer exist.")) << answer;
}

TEST_F(ImapCondstore, SearchesByModseq) {
  Client client = opened("CONDSTORE");
  (void)client.command("STORE 2 +FLAGS (\\Flagged)");
  std::uint64_t second = modseq_of(client, 2);
  (void)client.command("STORE 4 +FLAGS (\\Flagged)");
  std::string last = std::to_string(second + 1);
  std::string since = "MODSEQ " + std::to_string(second);
  EXPECT_TRUE(client.command("SEARCH " + since).starts_with("* SEARCH 2 4 (MODSEQ " + last + ")\r\n"));
  EXPECT_TRUE(client.command("SEARCH MODSEQ \"/flags/\\\\Draft\" all " + last)
                  .starts_with("* SEARCH 4 (MODSEQ " + last + ")\r\n"));
  EXPECT_TRUE(client.command("SEARCH NOT " + since + " 9 OR 1").starts_with("t BAD"));
  EXPECT_TRUE(client.command("SEARCH MODSEQ " + std::to_string(second + 2)).starts_with("* SEARCH\r\n"));
  EXPECT_TRUE(client.command("UID SEARCH RETURN (MIN) " + since)
                  .starts_with("* ESEARCH (TAG \"t\") UID MIN 2 MODSEQ " + std::to_string(second) + "\r\n"));
  EXPECT_TRUE(client.command("SEARCH RETURN (MIN MAX) " + since)
                  .starts_with("* ESEARCH (TAG \"t\") MIN 2 MAX 4 MODSEQ " + last + "\r\n"));
  EXPECT_TRUE(client.command("SEARCH RETURN (COUNT MIN) " + since)
                  .starts_with("* ESEARCH (TAG \"t\") MIN 2 COUNT 2 MODSEQ " + last + "\r\n"));
}

TEST_F(ImapCondstore, FetchesOnlyWhatChangedSince) {
  Client client = opened("CONDSTORE");
  std::uint64_t known = highest();
  (void)client.command("STORE 2,5 +FLAGS.SILENT (\\Flagged)");
  std::string answer = client.command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE " + std::to_string(known) + ")");
  EXPECT_EQ(answer, "* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent) MODSEQ (" + std::to_string(known + 1) + "))\r\n" +
                        "* 5 FETCH (UID 5 FLAGS (\\Flagged \\Recent) MODSEQ (" + std::to_string(known + 1) + "))\r\n" +
                        "t OK Fetch completed.\r\n");
  EXPECT_TRUE(Client::has(client.command("FETCH 1 FLAGS (CHANGEDSINCE)"), "t BAD"));
  EXPECT_TRUE(Client::has(client.command("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)"), "t BAD"));  // no QRESYNC
}

TEST_F(ImapCondstore, SaysVanishedInPlaceOfExpungeAfterQresync) {
  Client client = opened("QRESYNC"), plain = opened();
  (void)client.command("STORE 2,3,5 +FLAGS.SILENT (\\Deleted)");
  std::string answer = client.command("EXPUNGE");
  EXPECT_EQ(answer,
            "* VANISHED 2:3,5\r\nt OK [HIGHESTMODSEQ " + std::to_string(highest()) + "] Expunge completed.\r\n");
  EXPECT_EQ(client.command("EXPUNGE"), "t OK Expunge completed.\r\n");
  EXPECT_TRUE(Client::has(plain.command("NOOP"), "* 5 EXPUNGE\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n"));
  answer = client.command("MOVE 1 Sent");
  EXPECT_TRUE(Client::has(answer, "* VANISHED 1\r\nt OK [HIGHESTMODSEQ " + std::to_string(highest()) + "]")) << answer;
  EXPECT_EQ(client.command("FETCH 1 UID"), "* 1 FETCH (UID 4)\r\nt OK Fetch completed.\r\n");
  // Not while message numbers are under way, but by UID.
  (void)plain.command("NOOP");
  (void)plain.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  (void)plain.command("EXPUNGE");
  EXPECT_FALSE(Client::has(client.command("FETCH 1 FLAGS"), "VANISHED"));
  EXPECT_TRUE(Client::has(client.command("UID FETCH 1:* FLAGS"), "* VANISHED 4\r\n"));
}

TEST_F(ImapCondstore, DoesNotCountAsToldWhatStillWaitsForItsExpunge) {
  Client client = opened(), other = opened();
  std::uint64_t before = highest();
  (void)other.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  (void)other.command("EXPUNGE");
  (void)client.command("FETCH 1 FLAGS");  // the expunge is known now, and may not be said
  std::string answer = client.command("FETCH 1 MODSEQ");
  EXPECT_EQ(number_after(answer, "[HIGHESTMODSEQ "), before) << answer;
}

TEST_F(ImapCondstore, BringsAReturningClientUpToDateInSelect) {
  Client client = opened("QRESYNC");
  std::uint64_t known = highest();
  (void)client.command("STORE 3 +FLAGS.SILENT (\\Flagged)");
  (void)client.command("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
  (void)client.command("EXPUNGE");
  store_.put("alice", "INBOX", plain_message("new"));
  std::string answer = client.command(select_qresync(known));
  auto at = answer.find("* VANISHED (EARLIER) 2,4\r\n* 2 FETCH (UID 3 FLAGS (\\Flagged");
  EXPECT_NE(at, std::string::npos) << answer;
  EXPECT_TRUE(Client::has(answer, "* 4 FETCH (UID 6 FLAGS (")) << answer;
  EXPECT_LT(answer.find("[HIGHESTMODSEQ"), at);
  EXPECT_FALSE(Client::has(answer, "FETCH (UID 1 "));
  // Only what the client says to know.
  answer = client.command(select_qresync(known, " 3:5"));
  EXPECT_TRUE(Client::has(answer, "* VANISHED (EARLIER) 4\r\n* 2 FETCH (UID 3 ")) << answer;
  EXPECT_FALSE(Client::has(answer, "UID 6"));
  // Nothing when there is no news, nor with another UIDVALIDITY.
  answer = client.command(select_qresync(highest()));
  EXPECT_FALSE(Client::has(answer, "VANISHED") || Client::has(answer, "FETCH")) << answer;
  answer = client.command("SELECT INBOX (QRESYNC (1 1))");
  EXPECT_TRUE(Client::ok(answer) && !Client::has(answer, "VANISHED") && !Client::has(answer, "FETCH")) << answer;
}

TEST_F(ImapCondstore, TellsAllThatIsGoneWhenTheRecordsAreAndSparesWhatThePairsSettle) {
  Client client = opened("QRESYNC");
  std::uint64_t known = highest();
  for (int i = 6; i <= 9; ++i) store_.put("alice", "INBOX", plain_message("m"));
  (void)client.command("NOOP");
  (void)client.command("UID STORE 2,7 +FLAGS.SILENT (\\Deleted)");
  (void)client.command("EXPUNGE");
  store_.mail().forget_vanished("alice", "INBOX");
  (void)client.command("UID STORE 8 +FLAGS.SILENT (\\Deleted)");
  (void)client.command("EXPUNGE");
  EXPECT_TRUE(Client::has(client.command(select_qresync(known)), "* VANISHED (EARLIER) 2,7:8\r\n"));
  // Messages 1, 2 and 4 had the UIDs 1, 3 and 5, and have: 2 was known to be gone.
  EXPECT_TRUE(Client::has(client.command(select_qresync(known, " 1:9 (1:2,4 1,3,5)")), "* VANISHED (EARLIER) 7:8\r\n"));
  EXPECT_TRUE(Client::has(client.command(select_qresync(known, " 1:9 (1:2 1:2)")), "* VANISHED (EARLIER) 2,7:8\r\n"));
  EXPECT_TRUE(Client::has(client.command(select_qresync(known, " (6 8)")), "* VANISHED (EARLIER) 2,7:8\r\n"));
  EXPECT_FALSE(Client::has(client.command(select_qresync(known, " (6 9)")), "VANISHED"));
  EXPECT_TRUE(
      Client::has(client.command(select_qresync(known, " (1:4294967295 1:4294967295)")), "* VANISHED (EARLIER) 2,7:8"));
  EXPECT_TRUE(Client::has(client.command("UID FETCH 1:* FLAGS (CHANGEDSINCE " + std::to_string(known) + " VANISHED)"),
                          "* VANISHED (EARLIER) 2,7:8\r\n"));
}

TEST_F(ImapCondstore, FetchesWhatVanishedOfASet) {
  Client client = opened("QRESYNC");
  std::string since = " FLAGS (CHANGEDSINCE " + std::to_string(highest()) + " VANISHED)";
  (void)client.command("STORE 2,4:5 +FLAGS.SILENT (\\Deleted)");
  (void)client.command("EXPUNGE");
  EXPECT_EQ(client.command("UID FETCH 1:*" + since), "* VANISHED (EARLIER) 2,4:5\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client.command("UID FETCH 3:4" + since), "* VANISHED (EARLIER) 4\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client.command("UID FETCH 1,3" + since), "t OK Fetch completed.\r\n");
  EXPECT_TRUE(Client::has(client.command("FETCH 1:*" + since), "t BAD"));
  EXPECT_TRUE(Client::has(client.command("UID FETCH 1:* FLAGS (VANISHED)"), "t BAD"));
}

TEST_F(ImapCondstore, RefusesBrokenParametersOfSelect) {
  Client plain = signed_in();
  EXPECT_TRUE(Client::has(plain.command(select_qresync(1)), "t BAD"));  // not enabled
  Client client = signed_in();
  EXPECT_EQ(client.command("ENABLE qresync CONDSTORE"), "* ENABLED QRESYNC\r\nt OK Enable completed.\r\n");
  for (const char* parameters :
       {"(FROB)", "(QRESYNC)", "(QRESYNC (1))", "(QRESYNC (0 1))", "(QRESYNC (1 0))", "(QRESYNC (1 1 *))",
        "(QRESYNC (1 1 1:*))", "(QRESYNC (1 1 (1 1)", "(QRESYNC (1 1 (1)))", "(QRESYNC (1 1 1 (1 1) 1))",
        "(QRESYNC (1 99999999999999999999))", "CONDSTORE"})
    EXPECT_TRUE(client.command(std::string("SELECT INBOX ") + parameters).starts_with("t BAD")) << parameters;
}

TEST_F(ImapCondstore, SaysALongListOfVanishedInLinesThatClientsTake) {
  for (int i = 0; i < 500; ++i) store_.put("alice", "Large", "S: x\r\n\r\n");
  Client client = opened("QRESYNC", "SELECT Large");
  std::uint64_t known = store_.mail().find("alice", "Large")->highest_modseq;
  std::uint32_t validity = store_.mail().find("alice", "Large")->uid_validity;
  for (int i = 0; i < 5; ++i) (void)client.command("COPY 1:* Large");
  std::string odd;
  for (int uid = 1; uid < 16'000; uid += 2) odd += (odd.empty() ? "" : ",") + std::to_string(uid);
  (void)client.command("UID STORE " + odd + " +FLAGS.SILENT (\\Deleted)");
  for (const std::string& answer :
       {client.command("EXPUNGE"),
        client.command("SELECT Large (QRESYNC (" + std::to_string(validity) + " " + std::to_string(known) + "))")}) {
    std::istringstream lines(answer);
    std::size_t uids = 0;
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 8192U);
      if (line.starts_with("* VANISHED"))
        uids += 1 + static_cast<std::size_t>(std::count(line.begin(), line.end(), ','));
    }
    EXPECT_EQ(uids, 8000U);
  }
}

// A client that comes back now and then, with what it remembers, to a mailbox that others change: SELECT with QRESYNC
// must make its memory true.
TEST_F(ImapCondstore, MakesTheMemoryOfAReturningClientTrueWhateverHappened) {
  const char* given = std::getenv("MAILSTEAD_TEST_SEED");
  unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device()();
  SCOPED_TRACE("MAILSTEAD_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  Client writer = opened("QRESYNC");
  std::map<unsigned, std::string> memory;  // UID → flags
  std::uint64_t known = 0;
  const char* flags[] = {"\\Seen", "\\Flagged", "$Work", "\\Deleted"};
  for (int visit = 0; visit < 150; ++visit) {
    for (unsigned steps = pick(8); steps > 0; --steps) {
      switch (pick(5)) {
        case 0: store_.put("alice", "INBOX", plain_message("n"), {flags[pick(4)]}); break;
        case 1: (void)writer.command("EXPUNGE"); break;
        case 2: (void)writer.command("MOVE " + std::to_string(1 + pick(9)) + " Sent"); break;
        case 3: (void)writer.command("NOOP"); break;
        default:
          (void)writer.command("STORE " + std::to_string(1 + pick(9)) + " " + (pick(2) == 0 ? "+" : "-") + "FLAGS (" +
                               flags[pick(4)] + ")");
      }
    }
    if (pick(10) == 0) store_.mail().forget_vanished("alice", "INBOX");
    Client client = signed_in();
    (void)client.command("ENABLE QRESYNC");
    std::string answer = client.command(known == 0 ? "SELECT INBOX" : select_qresync(known));
    known = number_after(answer, "[HIGHESTMODSEQ ");
    if (visit == 0) answer = client.command("FETCH 1:* (UID FLAGS)");
    std::istringstream lines(answer);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("* VANISHED (EARLIER) ")) {
        std::istringstream ranges(line.substr(21));
        for (std::string range; std::getline(ranges, range, ',');) {
          auto first = static_cast<unsigned>(std::stoul(range));
          auto colon = range.find(':');
          auto last = colon == std::string::npos ? first : static_cast<unsigned>(std::stoul(range.substr(colon + 1)));
          memory.erase(memory.lower_bound(first), memory.upper_bound(last));
        }
      } else if (line.find(" FETCH (UID ") != std::string::npos) {
        auto open = line.find("FLAGS (");
        memory[static_cast<unsigned>(number_after(line, "UID "))] = line.substr(open, line.find(')') - open);
      }
    }
    std::map<unsigned, std::string> truth;
    auto box = store_.mail().find("alice", "INBOX");
    Client judge = signed_in();
    (void)judge.command("EXAMINE INBOX");
    std::istringstream all(judge.command("UID FETCH 1:* FLAGS"));
    auto without_recent = [](std::string text) {
      for (auto at = text.find("\\Recent"); at != std::string::npos; at = text.find("\\Recent"))
        text.erase(at > 0 && text[at - 1] == ' ' ? at - 1 : at, text[at - 1] == ' ' ? 8 : 7);
      return text;
    };
    for (std::string line; std::getline(all, line);) {
      if (line.find(" FETCH ") == std::string::npos) continue;
      auto open = line.find("FLAGS (");
      truth[static_cast<unsigned>(number_after(line, "UID "))] = line.substr(open, line.find(')') - open);
    }
    for (auto* map : {&memory, &truth}) {
      for (auto& [uid, text] : *map) text = without_recent(text);
    }
    ASSERT_EQ(memory, truth) << "visit " << visit << answer;
  }
}

// A change that is durable is told even when the command that made it fails: HIGHESTMODSEQ passes over it.
TEST_F(ImapServer, TellsTheFlagOfAMessageThatCannotBeSent) {
  store_.put("alice", "INBOX", "Content-Transfer-Encoding: x-own\r\n\r\nabc\r\n");
  store_.put("alice", "INBOX", plain_message("a"));
  store_.content().drop(2);
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  EXPECT_EQ(client.command("FETCH 1 BINARY[1]"),
            "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))\r\nt NO [UNKNOWN-CTE] Some of the parts cannot be decoded.\r\n");
  EXPECT_EQ(client.command("FETCH 2 BODY[]"),
            "* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent))\r\nt NO [SERVERBUG] Some of the messages cannot be read.\r\n");
  // Once, and only when it was new.
  EXPECT_TRUE(client.command("FETCH 1:2 BINARY[1]").starts_with("t NO "));
}

TEST_F(ImapServer, TellsWhatAFailedStoreChanged) {
  for (int i = 0; i < 3; ++i) store_.put("alice", "INBOX", plain_message("a"));
  Client client = signed_in();
  (void)client.command("ENABLE CONDSTORE");
  (void)client.command("EXAMINE INBOX");
  (void)client.command("SELECT INBOX");
  const auto box = store_.mail().find("alice", "INBOX");
  auto breaking = store_.mail().watch(box->id, [this] { store_.mail().broken = true; });
  const std::string answer = client.command("STORE 1:2 +FLAGS.SILENT (\\Flagged)");
  breaking.reset();
  store_.mail().broken = false;
  for (const char* told :
       {"* 1 FETCH (UID 1 FLAGS (\\Flagged", "* 2 FETCH (UID 2 FLAGS (\\Flagged", "\r\nt NO [UNAVAILABLE]"})
    EXPECT_TRUE(Client::has(answer, told)) << answer;
  EXPECT_FALSE(Client::has(answer, "* 3 FETCH")) << answer;
}

TEST_F(ImapServer, SaysEachOfManyChangesOnce) {
  store_.put("alice", "INBOX", plain_message("a"));
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  for (int i = 0; i < 16; ++i) (void)client.command("COPY 1:* INBOX");
  Client other = signed_in();
  (void)other.command("SELECT INBOX");
  EXPECT_TRUE(Client::ok(other.command("STORE 1:* +FLAGS.SILENT (\\Flagged)")));
  // Of each the change of the other session is known, and untold, before its own turn comes.
  const std::string answer = client.command("STORE 1:65535 +FLAGS (\\Seen)");
  std::size_t said = 0;
  for (auto at = answer.find(" FETCH ("); at != std::string::npos; at = answer.find(" FETCH (", at + 1)) ++said;
  EXPECT_EQ(said, 65536U);
  EXPECT_TRUE(Client::has(answer, "* 1 FETCH (FLAGS (\\Flagged \\Seen \\Recent))\r\n")) << answer.substr(0, 100);
  EXPECT_TRUE(Client::has(answer, "* 65536 FETCH (UID 65536 FLAGS (\\Flagged \\Recent)"))
      << answer.substr(answer.size() - 200);
  // Said once more when it changes once more, and found by what it is.
  (void)other.command("STORE 1 -FLAGS.SILENT (\\Flagged)");
  EXPECT_TRUE(client.command("NOOP").starts_with("* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))\r\n"));
  EXPECT_EQ(client.command("NOOP").find("FETCH"), std::string::npos);
  EXPECT_TRUE(client.command("SEARCH UNFLAGGED").starts_with("* SEARCH 1\r\n"));
}

}  // namespace
}  // namespace mailstead::test
