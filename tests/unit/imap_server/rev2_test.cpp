// IMAP4rev2 (RFC 9051) for who enables it; who does not sees nothing of it.
#include <gtest/gtest.h>

#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

class ImapRev2 : public ImapServer {
 protected:
  ImapRev2() {
    store_.put("alice", "INBOX", plain_message("a"), {"\\Deleted"});
    store_.put("alice", "INBOX", plain_message("b"), {"\\Seen"});
    client_.login();
    EXPECT_EQ(client_.command("ENABLE IMAP4rev2"), "* ENABLED IMAP4rev2\r\nt OK Enable completed.\r\n");
  }
  Client client_{make()};
};

TEST_F(ImapRev2, IsAnnouncedFromTheStart) {
  EXPECT_TRUE(Client(make()).command("CAPABILITY").starts_with("* CAPABILITY IMAP4rev1 IMAP4rev2 "));
}

TEST_F(ImapRev2, NamesTheMailboxInSelectAndSpeaksOfNoRecent) {
  std::string answer = client_.command("SELECT INBOX");
  EXPECT_TRUE(Client::has(answer, "* LIST () \"/\" \"INBOX\"\r\n")) << answer;
  EXPECT_TRUE(Client::has(answer, "* 2 EXISTS\r\n"));
  EXPECT_FALSE(Client::has(answer, "RECENT") || Client::has(answer, "UNSEEN")) << answer;
  EXPECT_TRUE(client_.command("FETCH 2 FLAGS").starts_with("* 2 FETCH (FLAGS (\\Seen))\r\n"));
  store_.put("alice", "INBOX", plain_message("c"));
  EXPECT_EQ(client_.command("NOOP"), "* 3 EXISTS\r\nt OK Nothing done.\r\n");
  (void)client_.command("EXPUNGE");
  EXPECT_EQ(client_.command("NOOP"), "t OK Nothing done.\r\n");
}

TEST_F(ImapRev2, AnswersSearchByEsearch) {
  (void)client_.command("SELECT INBOX");
  EXPECT_EQ(client_.command("SEARCH ALL"), "* ESEARCH (TAG \"t\") ALL 1:2\r\nt OK Search completed.\r\n");
  EXPECT_EQ(client_.command("UID SEARCH SEEN"), "* ESEARCH (TAG \"t\") UID ALL 2\r\nt OK Search completed.\r\n");
  EXPECT_EQ(client_.command("SEARCH FLAGGED"), "* ESEARCH (TAG \"t\")\r\nt OK Search completed.\r\n");
  EXPECT_EQ(client_.command("SEARCH RETURN (SAVE) SEEN"), "t OK Search completed, result saved.\r\n");
}

TEST_F(ImapRev2, NamesMailboxesInUtf8) {
  EXPECT_TRUE(Client::ok(client_.command("CREATE \"\xCE\xB1\"")));
  EXPECT_TRUE(Client::has(client_.command("LIST \"\" *"), "\"\xCE\xB1\"\r\n"));
  Client other = signed_in();
  EXPECT_TRUE(Client::has(other.command("LIST \"\" *"), "\"&A7E-\"\r\n"));
  EXPECT_TRUE(Client::has(other.command("SELECT INBOX"), " RECENT\r\n"));
}

TEST_F(ImapRev2, CountsDeletedMessages) {
  EXPECT_TRUE(Client::has(client_.command("STATUS INBOX (DELETED MESSAGES)"), "(DELETED 1 MESSAGES 2)"));
}

}  // namespace
}  // namespace mailstead::test
