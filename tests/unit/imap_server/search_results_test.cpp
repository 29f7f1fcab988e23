// ESEARCH (RFC 4731), SEARCHRES (5182), WITHIN (5032), ENABLE (5161), STATUS=SIZE (8438).
#include <gtest/gtest.h>

#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

class ImapSearchResults : public ImapServer {
 protected:
  // Six messages with the UIDs 1, 2, 3, 5, 6, 7; odd sequence numbers are \Seen.
  ImapSearchResults() {
    for (int i = 1; i <= 7; ++i) store_.put("alice", "INBOX", plain_message("m" + std::to_string(i)), {}, clock_.wall_);
    client_.login();
    (void)client_.command("SELECT INBOX");
    (void)client_.command("UID STORE 4 +FLAGS.SILENT (\\Deleted)");
    (void)client_.command("EXPUNGE");
    (void)client_.command("STORE 1,3,5 +FLAGS.SILENT (\\Seen)");
  }
  Client client_{make()};
};

TEST_F(ImapSearchResults, AnswersWithWhatWasAskedForAlone) {
  struct Row {
    const char *command, *answer;
  } const rows[] = {
      {"SEARCH RETURN () SEEN", "* ESEARCH (TAG \"t\") ALL 1,3,5\r\n"},
      {"SEARCH RETURN (ALL) 1:5", "* ESEARCH (TAG \"t\") ALL 1:5\r\n"},
      {"UID SEARCH RETURN (MIN MAX COUNT) SEEN", "* ESEARCH (TAG \"t\") UID MIN 1 MAX 6 COUNT 3\r\n"},
      {"UID SEARCH RETURN (ALL COUNT) ALL", "* ESEARCH (TAG \"t\") UID COUNT 6 ALL 1:3,5:7\r\n"},
      {"SEARCH RETURN (MIN) UNSEEN", "* ESEARCH (TAG \"t\") MIN 2\r\n"},
      {"SEARCH RETURN (MIN MAX ALL COUNT) FLAGGED", "* ESEARCH (TAG \"t\") COUNT 0\r\n"},
      {"UID SEARCH RETURN (MIN MAX ALL) FLAGGED", "* ESEARCH (TAG \"t\") UID\r\n"},
      {"SEARCH RETURN (COUNT) CHARSET UTF-8 SUBJECT m3", "* ESEARCH (TAG \"t\") COUNT 1\r\n"},
      {"UID SEARCH SEEN", "* SEARCH 1 3 6\r\n"},
      {"UID SEARCH ALL", "* SEARCH 1 2 3 5 6 7\r\n"},
      {"SEARCH FLAGGED", "* SEARCH\r\n"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(client_.command(row.command), std::string(row.answer) + "t OK Search completed.\r\n") << row.command;
  EXPECT_TRUE(Client::has(client_.command("SEARCH RETURN (FROB) ALL"), "t BAD"));
  EXPECT_TRUE(Client::has(client_.command("SEARCH RETURN (MIN)"), "t BAD"));
}

TEST_F(ImapSearchResults, QuotesATagThatNeedsIt) {
  EXPECT_TRUE(client_.send("a]b SEARCH RETURN (MIN) ALL\r\n").starts_with("* ESEARCH (TAG \"a]b\") MIN 1\r\n"));
}

TEST_F(ImapSearchResults, KeepsTheResultForLaterCommands) {
  EXPECT_EQ(client_.command("SEARCH RETURN (SAVE) SEEN"), "t OK Search completed, result saved.\r\n");
  EXPECT_EQ(client_.command("FETCH $ UID"),
            "* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 3)\r\n* 5 FETCH (UID 6)\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client_.command("UID SEARCH $ SMALLER 100000 NOT 1"), "* SEARCH 3 6\r\nt OK Search completed.\r\n");
  EXPECT_TRUE(Client::has(client_.command("UID STORE $ +FLAGS.SILENT (\\Flagged)"), "t OK"));
  EXPECT_EQ(client_.command("UID SEARCH FLAGGED"), "* SEARCH 1 3 6\r\nt OK Search completed.\r\n");
  EXPECT_TRUE(Client::has(client_.command("COPY $ Sent"), "[COPYUID 1001 1,3,6 1:3]"));
  // What is expunged drops out.
  (void)client_.command("STORE 3 +FLAGS.SILENT (\\Deleted)");
  EXPECT_TRUE(Client::has(client_.command("UID EXPUNGE $"), "* 3 EXPUNGE"));
  EXPECT_EQ(client_.command("UID FETCH $ UID"), "* 1 FETCH (UID 1)\r\n* 4 FETCH (UID 6)\r\nt OK Fetch completed.\r\n");
}

// RFC 5182 §2.4.
TEST_F(ImapSearchResults, KeepsTheEndsWhenOnlyTheyWereAskedFor) {
  struct Row {
    const char *options, *kept;
  } const rows[] = {
      {"SAVE MIN", "1"},       {"SAVE MAX", "6"},         {"MIN SAVE MAX", "1 6"}, {"SAVE MIN COUNT", "1 3 6"},
      {"SAVE COUNT", "1 3 6"}, {"ALL SAVE MAX", "1 3 6"}, {"SAVE", "1 3 6"}};
  for (const Row& row : rows) {
    (void)client_.command("UID SEARCH RETURN (" + std::string(row.options) + ") SEEN");
    EXPECT_TRUE(client_.command("UID SEARCH $").starts_with("* SEARCH " + std::string(row.kept) + "\r\n"))
        << row.options;
  }
}

TEST_F(ImapSearchResults, ForgetsTheResultWithTheMailboxAndAfterAFailure) {
  (void)client_.command("SEARCH RETURN (SAVE) ALL");
  EXPECT_TRUE(Client::has(client_.command("SEARCH RETURN (SAVE) FROB"), "t BAD"));
  EXPECT_TRUE(Client::has(client_.command("UID SEARCH $"), "* SEARCH 1 2 3 5 6 7\r\n"));
  EXPECT_TRUE(Client::has(client_.command("SEARCH RETURN (SAVE) CHARSET KOI8-R SUBJECT x"), "t NO [BADCHARSET"));
  EXPECT_EQ(client_.command("FETCH $ UID"), "t OK Fetch completed.\r\n");
  (void)client_.command("SEARCH RETURN (SAVE) ALL");
  store_.mail().broken = true;
  EXPECT_TRUE(Client::has(client_.command("SEARCH RETURN (SAVE) SUBJECT m1"), "t NO [UNAVAILABLE]"));
  store_.mail().broken = false;
  EXPECT_EQ(client_.command("FETCH $ UID"), "t OK Fetch completed.\r\n");
  (void)client_.command("SEARCH RETURN (SAVE) ALL");
  (void)client_.command("SELECT INBOX");
  EXPECT_EQ(client_.command("SEARCH $"), "* SEARCH\r\nt OK Search completed.\r\n");
}

TEST_F(ImapSearchResults, FindsByAgeInSeconds) {
  clock_.wall_ += std::chrono::seconds(100);
  store_.put("alice", "INBOX", plain_message("young"), {}, clock_.wall_);
  (void)client_.command("NOOP");
  clock_.wall_ += std::chrono::seconds(10);
  EXPECT_TRUE(Client::has(client_.command("SEARCH YOUNGER 10"), "* SEARCH 7\r\n"));
  EXPECT_TRUE(Client::has(client_.command("SEARCH YOUNGER 9"), "* SEARCH\r\n"));
  EXPECT_TRUE(Client::has(client_.command("SEARCH OLDER 110"), "* SEARCH 1 2 3 4 5 6\r\n"));
  EXPECT_TRUE(Client::has(client_.command("SEARCH OLDER 111"), "* SEARCH\r\n"));
  EXPECT_TRUE(Client::has(client_.command("SEARCH YOUNGER 0"), "t BAD"));
  EXPECT_TRUE(Client::has(client_.command("SEARCH OLDER -1"), "t BAD"));
  EXPECT_TRUE(Client::has(client_.command("SEARCH OLDER 4294967296"), "t BAD"));
}

TEST_F(ImapSearchResults, SaysALongResultInSlices) {
  for (int i = 0; i < 1000; ++i) store_.put("alice", "Big", "S: x\r\n\r\n", {i % 2 == 0 ? "\\Seen" : "\\Draft"});
  (void)client_.command("SELECT Big");
  for (int i = 0; i < 6; ++i) (void)client_.command("COPY 1:* Big");
  std::string answer = client_.command("UID SEARCH RETURN (ALL COUNT) SEEN");
  EXPECT_TRUE(answer.starts_with("* ESEARCH (TAG \"t\") UID COUNT 32000 ALL 1,3,5,"));
  EXPECT_EQ(std::count(answer.begin(), answer.end(), ','), 31'999);
  answer = client_.command("SEARCH SEEN");
  EXPECT_EQ(std::count(answer.begin(), answer.end(), ' '), 32'001 + 3);
  EXPECT_LE(client_.largest_slice(), 2 * net::kOutputHighWater);
}

// The store hands out what it knows of messages in pieces, as large as it likes.
TEST_F(ImapSearchResults, DoesNotDependOnHowManyFactsComeTogether) {
  for (int i = 1; i <= 9; ++i)
    store_.put("alice", "INBOX", plain_message((i % 2 == 0 ? "even " : "odd ") + std::to_string(10 - i)), {});
  const char* const commands[] = {"SEARCH SUBJECT even",
                                  "SEARCH NOT SUBJECT even",
                                  "SEARCH OR 2,8 SUBJECT odd",
                                  "SORT (SUBJECT) UTF-8 ALL",
                                  "THREAD ORDEREDSUBJECT UTF-8 ALL",
                                  "FETCH 1:* (UID ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)])"};
  for (const char* command : commands) {
    Client whole = signed_in();
    (void)whole.command("SELECT INBOX");
    const std::string expected = whole.command(command);
    EXPECT_TRUE(Client::ok(expected)) << expected;
    for (std::size_t together : {1U, 2U, 3U, 4U, 8U}) {
      store_.mail().stored_together = together;
      EXPECT_EQ(whole.command(command), expected) << command << " by " << together;
    }
    store_.mail().stored_together = SIZE_MAX;
  }
}

TEST_F(ImapSearchResults, TellsTheSizeOfAMailbox) {
  std::size_t size = 6 * plain_message("m1").size();
  EXPECT_TRUE(Client::has(client_.command("STATUS INBOX (SIZE MESSAGES)"),
                          "* STATUS \"INBOX\" (SIZE " + std::to_string(size) + " MESSAGES 6)"));
  EXPECT_TRUE(Client::has(client_.command("LIST \"\" Sent RETURN (STATUS (SIZE))"), "* STATUS \"Sent\" (SIZE 0)"));
}

TEST_F(ImapSearchResults, EnablesNothingThatItDoesNotKnow) {
  EXPECT_EQ(client_.command("ENABLE FROB X-Y"), "* ENABLED\r\nt OK Enable completed.\r\n");
  EXPECT_TRUE(Client::has(client_.command("ENABLE"), "t BAD"));
  EXPECT_TRUE(Client::has(client_.command("ENABLE (FROB)"), "t BAD"));
  EXPECT_TRUE(Client::has(Client(make()).command("ENABLE FROB"), "t BAD"));
}

TEST_F(ImapSearchResults, AreAnnounced) {
  std::string words = client_.command("CAPABILITY");
  for (const char* word : {" ENABLE", " ESEARCH", " SEARCHRES", " WITHIN", " STATUS=SIZE"})
    EXPECT_TRUE(Client::has(words, word)) << word;
}

}  // namespace
}  // namespace mailstead::test
