// REPLACE (RFC 8508) and SAVEDATE (8514).
#include <gtest/gtest.h>

#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

class ImapReplace : public ImapServer {
 protected:
  ImapReplace() {
    for (int i = 1; i <= 3; ++i) store_.put("alice", "INBOX", plain_message("m" + std::to_string(i)));
    client_.login();
    (void)client_.command("SELECT INBOX");
  }
  [[nodiscard]] std::uint32_t count(const std::string& mailbox) {
    return store_.mail().find("alice", mailbox)->messages;
  }
  Client client_{make()};
};

TEST_F(ImapReplace, PutsOneMessageInThePlaceOfAnother) {
  std::string answer =
      client_.command("REPLACE 2 INBOX (\\Seen \\Draft) \"14-Nov-2023 22:13:20 +0100\" {7+}\r\na: 1\r\n\r");
  EXPECT_EQ(answer,
            "* OK [APPENDUID 1000 4] Replaced.\r\n* 2 EXPUNGE\r\n* 3 EXISTS\r\n* 3 RECENT\r\n"
            "t OK Replace completed.\r\n");
  EXPECT_TRUE(client_.command("FETCH 3 (UID FLAGS)").starts_with("* 3 FETCH (UID 4 FLAGS (\\Seen \\Draft \\Recent))"));
  // Into another mailbox, by UID, asked for the literal.
  EXPECT_EQ(client_.command("UID REPLACE 4 Sent {3}"), "+ OK\r\n");
  answer = client_.send("abc\r\n");
  EXPECT_TRUE(Client::has(answer, "* OK [APPENDUID 1001 1] Replaced.\r\n* 3 EXPUNGE\r\n")) << answer;
  EXPECT_EQ(count("INBOX"), 2U);
  EXPECT_EQ(count("Sent"), 1U);
  EXPECT_TRUE(Client::has(client_.command("REPLACE * INBOX {3+}\r\nabc"), "* 2 EXPUNGE\r\n"));
}

TEST_F(ImapReplace, SpeaksOfModseqToWhoKnowsIt) {
  (void)client_.command("ENABLE QRESYNC");
  std::string answer = client_.command("REPLACE 1 INBOX {3+}\r\nabc");
  EXPECT_TRUE(Client::has(answer, "* VANISHED 1\r\n")) << answer;
  EXPECT_TRUE(Client::has(answer, "t OK [HIGHESTMODSEQ ")) << answer;
}

TEST_F(ImapReplace, ChangesNothingWhenItIsRefused) {
  const struct {
    const char *command, *answer;
  } rows[] = {
      {"REPLACE 9 INBOX {3+}\r\nabc", "t BAD"},
      {"UID REPLACE 9 INBOX {3+}\r\nabc", "t NO [EXPUNGEISSUED]"},
      {"REPLACE 1 nowhere {3+}\r\nabc", "t NO [TRYCREATE]"},
      {"REPLACE 1 INBOX {0+}\r\n", "t NO [CANNOT]"},
      {"REPLACE 1 INBOX {3+}\r\nabc {3+}\r\ndef", "t BAD"},
      {"REPLACE 1 INBOX {3+}\r\nabc x", "t BAD"},
      {"REPLACE 1:2 INBOX {3+}\r\nabc", "t BAD"},
      {"REPLACE INBOX {3+}\r\nabc", "t BAD"},
      {"REPLACE 1 INBOX", "t BAD"},
  };
  for (const auto& row : rows) {
    EXPECT_TRUE(Client::has(client_.command(row.command), row.answer)) << row.command;
    EXPECT_EQ(count("INBOX"), 3U) << row.command;
  }
  (void)client_.command("EXAMINE INBOX");
  EXPECT_TRUE(Client::has(client_.command("REPLACE 1 INBOX {3+}\r\nabc"), "t NO [READ-ONLY]"));
  (void)client_.command("UNSELECT");
  EXPECT_TRUE(Client::has(client_.command("REPLACE 1 INBOX {3+}\r\nabc"), "t BAD"));
  EXPECT_EQ(count("INBOX"), 3U);
}

TEST_F(ImapReplace, DoesNotBringBackWhatAnotherExpunged) {
  Client other = signed_in();
  (void)other.command("SELECT INBOX");
  (void)other.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  (void)other.command("EXPUNGE");
  EXPECT_TRUE(Client::has(client_.command("REPLACE 2 INBOX {3+}\r\nabc"), "t NO [EXPUNGEISSUED]"));
  EXPECT_EQ(count("INBOX"), 2U);
}

TEST_F(ImapReplace, KnowsWhenAMessageCameIntoItsMailbox) {
  store_.mail().now = 1'700'000'000 + 3 * 86'400;
  (void)client_.command("COPY 1 Sent");
  EXPECT_TRUE(client_.command("FETCH 1 SAVEDATE").starts_with("* 1 FETCH (SAVEDATE \"14-Nov-2023 22:13:20 +0000\")"));
  EXPECT_TRUE(client_.command("SEARCH SAVEDON 14-Nov-2023").starts_with("* SEARCH 1 2 3\r\n"));
  EXPECT_TRUE(client_.command("SEARCH SAVEDBEFORE 14-Nov-2023").starts_with("* SEARCH\r\n"));
  EXPECT_TRUE(client_.command("SEARCH SAVEDSINCE 15-Nov-2023").starts_with("* SEARCH\r\n"));
  EXPECT_TRUE(client_.command("SEARCH SAVEDATESUPPORTED 2").starts_with("* SEARCH 2\r\n"));
  EXPECT_TRUE(client_.command("SEARCH SAVEDON").starts_with("t BAD"));
  (void)client_.command("SELECT Sent");
  EXPECT_TRUE(client_.command("FETCH 1 SAVEDATE").starts_with("* 1 FETCH (SAVEDATE \"17-Nov-2023 22:13:20 +0000\")"));
  EXPECT_TRUE(client_.command("SEARCH SAVEDSINCE 17-Nov-2023").starts_with("* SEARCH 1\r\n"));
  store_.mail().now = 0;  // from before it was noted
  (void)client_.command("COPY 1 INBOX");
  (void)client_.command("SELECT INBOX");
  EXPECT_TRUE(client_.command("FETCH 4 SAVEDATE").starts_with("* 4 FETCH (SAVEDATE NIL)"));
}

}  // namespace
}  // namespace mailstead::test
