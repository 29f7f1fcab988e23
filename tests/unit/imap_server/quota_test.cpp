// QUOTA (RFC 9208).
#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

class ImapQuota : public ImapServer {
 protected:
  ImapQuota() {
    quota_ = [this](const std::string& user) { return user == "alice" ? limits_ : imap::Quota{}; };
    rebuild();
    for (int i = 0; i < 3; ++i) store_.put("alice", "INBOX", plain_message("one", std::string(2000, 'x')));
  }
  std::string append(Client& client, std::size_t octets) {
    return client.command("APPEND Sent {" + std::to_string(octets) + "+}\r\n" + std::string(octets, 'a'));
  }
  imap::Quota limits_{10 * 1024, 5};
};

TEST_F(ImapQuota, IsShownWithWhatIsKept) {
  Client client = signed_in();
  const std::string offered = client.command("CAPABILITY");
  for (const char* word : {" QUOTA ", " QUOTA=RES-STORAGE", " QUOTA=RES-MESSAGE"})
    EXPECT_TRUE(Client::has(offered, word)) << offered;
  EXPECT_EQ(client.command("GETQUOTA \"\""), "* QUOTA \"\" (STORAGE 7 10 MESSAGE 3 5)\r\nt OK Quota completed.\r\n");
  EXPECT_EQ(client.command("GETQUOTAROOT INBOX"),
            "* QUOTAROOT \"INBOX\" \"\"\r\n* QUOTA \"\" (STORAGE 7 10 MESSAGE 3 5)\r\nt OK Quota root completed.\r\n");
  EXPECT_TRUE(client.command("GETQUOTA other").starts_with("t NO [NONEXISTENT]"));
  EXPECT_TRUE(client.command("GETQUOTAROOT nowhere").starts_with("t NO [NONEXISTENT]"));
  EXPECT_TRUE(client.command("GETQUOTA").starts_with("t BAD"));
  EXPECT_TRUE(client.command("SETQUOTA \"\" (STORAGE 1)").starts_with("t BAD")) << "not ours to change";
}

TEST_F(ImapQuota, OfWhoHasNoneIsNone) {
  Client client(make());
  client.login("bob");
  EXPECT_FALSE(Client::has(client.command("CAPABILITY"), "QUOTA"));
  EXPECT_EQ(client.command("GETQUOTAROOT INBOX"), "* QUOTAROOT \"INBOX\"\r\nt OK Quota root completed.\r\n");
  EXPECT_TRUE(client.command("GETQUOTA \"\"").starts_with("t NO [NONEXISTENT]"));
}

TEST_F(ImapQuota, LimitsWhatClientsAdd) {
  Client client = signed_in();
  EXPECT_TRUE(append(client, 20'000).starts_with("t NO [OVERQUOTA]")) << "before its octets are kept";
  EXPECT_TRUE(Client::has(client.command("APPEND Sent {20000}"), "t NO [OVERQUOTA]")) << "before they are sent";
  client.command("SELECT INBOX");
  EXPECT_TRUE(client.command("COPY 1:3 Sent").starts_with("t NO [OVERQUOTA]"));
  EXPECT_TRUE(Client::ok(client.command("COPY 1 Sent")));
  EXPECT_TRUE(Client::ok(append(client, 100)));
  EXPECT_TRUE(append(client, 100).starts_with("t NO [OVERQUOTA]")) << "a sixth message";
  EXPECT_TRUE(Client::ok(client.command("MOVE 2 Sent"))) << "adds nothing";
  EXPECT_TRUE(Client::ok(client.command("STORE 1 +FLAGS (\\Deleted)")));
  EXPECT_TRUE(Client::ok(client.command("EXPUNGE")));
  EXPECT_TRUE(Client::ok(append(client, 100))) << "there is room again";
}

TEST_F(ImapQuota, CountsWhatWasSentAheadAndIsNotKeptYet) {
  Client client = signed_in();
  std::string ahead;
  for (char tag = 'a'; tag < 'e'; ++tag) ahead += std::string(1, tag) + " APPEND Sent {3+}\r\nx: \r\n";
  const std::string said = client.send(ahead);
  for (const char* answer : {"a OK", "b OK", "c NO [OVERQUOTA]", "d NO [OVERQUOTA]"})
    EXPECT_TRUE(Client::has(said, answer)) << said;
}

TEST_F(ImapQuota, LetsADraftBeReplacedByASmallerOne) {
  limits_ = {6 * 1024, 3};
  Client client = signed_in();
  client.command("SELECT INBOX");
  EXPECT_TRUE(Client::ok(client.command("REPLACE 1 INBOX {100+}\r\n" + std::string(100, 'a'))));
  EXPECT_TRUE(Client::has(client.command("REPLACE 1 INBOX {9000+}\r\n" + std::string(9000, 'a')), "[OVERQUOTA]"));
}

TEST_F(ImapQuota, StatusTellsWhatAnExpungeWouldFree) {
  Client client = signed_in();
  client.command("SELECT INBOX");
  client.command("STORE 1:2 +FLAGS (\\Deleted)");
  EXPECT_TRUE(Client::has(client.command("STATUS INBOX (DELETED DELETED-STORAGE)"), "(DELETED 2 DELETED-STORAGE 5)"));
  EXPECT_TRUE(Client::has(client.command("STATUS Sent (DELETED-STORAGE)"), "(DELETED-STORAGE 0)"));
}

}  // namespace
}  // namespace mailstead::test
