#include <gtest/gtest.h>

#include <regex>

#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

using ImapServerSession = ImapServer;

TEST_F(ImapServerSession, ExecutesNothingThatCameBehindStartTlsInTheClear) {
  starttls_ = true;
  rebuild();
  Client client(make({"192.0.2.1", false, false}));
  std::string response = client.send("a STARTTLS\r\nb LOGIN alice secret\r\nc CREATE Injected\r\n");
  EXPECT_EQ(response, "a OK Begin TLS negotiation now.\r\n");
  EXPECT_EQ(client.start_tls(), "");
  EXPECT_EQ(client.command("NOOP"), "t OK Nothing done.\r\n");
  EXPECT_TRUE(client.command("LIST \"\" *").find("t BAD") == 0);
  EXPECT_FALSE(store_.mail().find("alice", "Injected"));
}

TEST_F(ImapServerSession, LeavesInputBehindStartTlsForTheDriverToJudge) {
  starttls_ = true;
  rebuild();
  auto session = make({"192.0.2.1", false, false});
  net::InputBuffer input;
  std::string output;
  (void)session->advance(input, output);
  input.append("a STARTTLS\r\nb NOOP\r\n");
  EXPECT_EQ(session->advance(input, output), net::SessionStep::kStartTls);
  EXPECT_EQ(input.bytes(), "b NOOP\r\n");
}

TEST_F(ImapServerSession, TellsOthersOfNewMailFlagsAndExpungeWhenAllowed) {
  for (const char* subject : {"a", "b", "c"}) store_.put("alice", "INBOX", plain_message(subject));
  Client one = signed_in(), two = signed_in();
  (void)one.command("SELECT INBOX");
  (void)two.command("SELECT INBOX");
  (void)one.command("STORE 2 +FLAGS (\\Deleted)");
  EXPECT_TRUE(Client::has(two.command("NOOP"), "* 2 FETCH (UID 2 FLAGS (\\Deleted))"));
  (void)one.command("EXPUNGE");
  store_.put("alice", "INBOX", plain_message("d"));
  // Not while sequence numbers are in use …
  std::string fetched = two.command("FETCH 3 UID");
  EXPECT_TRUE(Client::has(fetched, "* 3 FETCH (UID 3)"));
  EXPECT_TRUE(Client::has(fetched, "* 4 EXISTS"));
  EXPECT_FALSE(Client::has(fetched, "EXPUNGE"));
  // … but then.
  EXPECT_EQ(two.command("NOOP"), "* 2 EXPUNGE\r\nt OK Nothing done.\r\n");
  EXPECT_TRUE(Client::has(two.command("FETCH 1:* UID"), "* 3 FETCH (UID 4)"));
}

TEST_F(ImapServerSession, AnswersForAMessageThatAnotherSessionExpungedWhatItCan) {
  store_.put("alice", "INBOX", plain_message("a"));
  store_.put("alice", "INBOX", plain_message("b"));
  Client one = signed_in(), two = signed_in();
  (void)two.command("SELECT INBOX");
  (void)one.command("SELECT INBOX");
  (void)one.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  (void)one.command("EXPUNGE");
  store_.content().drop(1);
  std::string response = two.command("FETCH 1:2 (UID BODY.PEEK[TEXT])");
  EXPECT_FALSE(Client::has(response, "* 1 FETCH (UID 1 BODY"));
  EXPECT_TRUE(Client::has(response, "* 2 FETCH (UID 2 BODY[TEXT] {8}\r\nHello.\r\n)"));
  // The first pull came with the answer; now it is known.
  response = two.command("FETCH 1 BODY.PEEK[]");
  EXPECT_TRUE(Client::has(response, "t NO [EXPUNGEISSUED]")) << response;
  EXPECT_TRUE(Client::has(two.command("STORE 1 +FLAGS (\\Seen)"), "t NO [EXPUNGEISSUED]"));
  EXPECT_EQ(two.command("COPY 1 Sent"), "* 1 EXPUNGE\r\nt NO [EXPUNGEISSUED] The messages no longer exist.\r\n");
}

TEST_F(ImapServerSession, HangsUpWhenTheSelectedMailboxIsDeletedByAnother) {
  (void)store_.mail().create("alice", "Tmp", "");
  Client one = signed_in(), two = signed_in();
  (void)two.command("SELECT Tmp");
  EXPECT_TRUE(Client::ok(one.command("DELETE Tmp")));
  EXPECT_TRUE(Client::has(two.command("NOOP"), "* BYE"));
  EXPECT_TRUE(two.closed());
}

TEST_F(ImapServerSession, StaysAfterDeletingItsOwnSelectedMailbox) {
  (void)store_.mail().create("alice", "Tmp", "");
  Client one = signed_in();
  (void)one.command("SELECT Tmp");
  EXPECT_TRUE(Client::ok(one.command("DELETE Tmp")));
  EXPECT_TRUE(Client::ok(one.command("NOOP")));
  EXPECT_TRUE(Client::has(one.command("CHECK"), "t BAD Select"));
}

TEST_F(ImapServerSession, WakesAnIdlingClientAndNoOther) {
  Client idling = signed_in(), busy = signed_in();
  (void)idling.command("SELECT INBOX");
  (void)busy.command("SELECT INBOX");
  EXPECT_EQ(idling.command("IDLE"), "+ idling\r\n");
  wakes_ = 0;
  store_.put("alice", "INBOX", plain_message("new"));
  EXPECT_EQ(wakes_, 1);
  EXPECT_TRUE(Client::has(idling.wake(), "* 1 EXISTS\r\n"));
  EXPECT_EQ(idling.wake(), "");
  // Half a line survives a wake.
  EXPECT_EQ(idling.send("DO"), "");
  store_.put("alice", "INBOX", plain_message("new"));
  EXPECT_TRUE(Client::has(idling.wake(), "* 2 EXISTS"));
  EXPECT_EQ(idling.send("NE\r\n"), "t OK Idle ended.\r\n");
}

TEST_F(ImapServerSession, AsksTheStoreForChangesOnlyWhenThereAreSome) {
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  std::size_t before = store_.mail().changes_asked;
  for (int i = 0; i < 10; ++i) (void)client.command("NOOP");
  EXPECT_EQ(store_.mail().changes_asked, before);
}

TEST_F(ImapServerSession, SurvivesTroubleOfTheStore) {
  store_.put("alice", "INBOX", plain_message("a"));
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  store_.mail().broken = true;
  EXPECT_TRUE(Client::has(client.command("LIST \"\" *"), "t NO [UNAVAILABLE]"));
  EXPECT_TRUE(Client::has(client.command("STORE 1 +FLAGS (\\Seen)"), "t NO [UNAVAILABLE]"));
  EXPECT_TRUE(Client::has(client.command("FETCH 1 ENVELOPE"), "t NO [UNAVAILABLE]"));
  store_.mail().broken = false;
  EXPECT_TRUE(Client::has(client.command("FETCH 1 FLAGS"), "* 1 FETCH (FLAGS (\\Recent))"));
}

TEST_F(ImapServerSession, SwallowsTheRestOfAnAppendWhenTheDiskIsFull) {
  Client client = signed_in();
  EXPECT_EQ(client.command("APPEND INBOX {100}"), "+ OK\r\n");
  store_.content().full = true;
  EXPECT_EQ(client.send(std::string(60, 'x')), "");
  store_.content().full = false;
  EXPECT_TRUE(Client::has(client.send(std::string(40, 'x') + "\r\n"), "t NO [UNAVAILABLE]"));
  EXPECT_TRUE(Client::ok(client.command("NOOP")));
  EXPECT_EQ(store_.mail().find("alice", "INBOX")->messages, 0U);
}

TEST_F(ImapServerSession, SendsALargeMessageInSlicesAndWhole) {
  max_append_ = 64 * 1024 * 1024;
  std::string body;
  for (int i = 0; body.size() < 5'000'000; ++i) body += "line " + std::to_string(i) + "\r\n";
  std::string message = plain_message("large", body);
  store_.put("alice", "INBOX", message);
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  std::string response = client.command("FETCH 1 (BODY.PEEK[])");
  std::string wanted = "* 1 FETCH (BODY[] {" + std::to_string(message.size()) + "}\r\n" + message + ")\r\n";
  EXPECT_TRUE(response.starts_with(wanted));
  EXPECT_LE(client.largest_slice(), 3 * net::kOutputHighWater);
}

TEST_F(ImapServerSession, AnswersForManyMessagesInSlices) {
  for (int i = 0; i < 3000; ++i) store_.put("alice", "INBOX", plain_message("m" + std::to_string(i)));
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  std::string response = client.command("FETCH 1:* (UID ENVELOPE)");
  EXPECT_TRUE(Client::ok(response));
  EXPECT_EQ(std::count(response.begin(), response.end(), '\n'), 3001);
  EXPECT_LE(client.largest_slice(), 2 * net::kOutputHighWater);
  EXPECT_TRUE(Client::ok(client.command("STORE 1:* +FLAGS (\\Deleted)")));
  response = client.command("EXPUNGE");
  EXPECT_TRUE(response.starts_with("* 3000 EXPUNGE\r\n* 2999 EXPUNGE\r\n"));
  EXPECT_TRUE(Client::has(response, "* 1 EXPUNGE\r\nt OK"));
}

TEST_F(ImapServerSession, EndsASignInThatTakesTooLong) {
  Client client(make());
  clock_.steady_ += std::chrono::seconds(179);
  EXPECT_TRUE(Client::ok(client.command("NOOP")));
  clock_.steady_ += std::chrono::seconds(2);
  EXPECT_TRUE(Client::has(client.send("t NO"), "* BYE"));
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(client.session().idle_limit(), std::chrono::seconds(180));
}

TEST_F(ImapServerSession, SaysInItsSummaryWhoAndHowMuchAndNoSecret) {
  Client client = signed_in();
  EXPECT_TRUE(client.session().summary().starts_with("imap user=alice commands=1 bad=0"));
  EXPECT_FALSE(Client::has(client.session().summary(), "secret"));
  EXPECT_EQ(client.session().idle_limit(), std::chrono::seconds(1800));
}

TEST_F(ImapServerSession, KeepsRawEightBitHeadersInLiterals) {
  store_.put("alice", "INBOX", "Subject: caf\xE9 \"x\"\r\nFrom: \xC3\xA9 <e@example.org>\r\n\r\n.\r\n");
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  std::string response = client.command("FETCH 1 ENVELOPE");
  EXPECT_TRUE(Client::has(response, "{8}\r\ncaf\xE9 \"x\" ((")) << response;
}

TEST_F(ImapServerSession, FindsTextInLettersOfAnyCase) {
  store_.put("alice", "INBOX",
             plain_message("=?utf-8?B?0J/RgNC40LLQtdGC?=", "\xCE\x91\xCE\xB8\xCE\xAE\xCE\xBD\xCE\xB1\r\n"));
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  EXPECT_TRUE(Client::has(client.command("SEARCH SUBJECT \"\xD0\x9F\xD0\xA0\xD0\x98\""), "* SEARCH 1\r\n"));
  EXPECT_TRUE(Client::has(client.command("SEARCH BODY \"\xCE\xB1\xCE\xB8\xCE\xAE\""), "* SEARCH 1\r\n"));
  EXPECT_TRUE(Client::has(client.command("SEARCH BODY nothing"), "* SEARCH\r\n"));
}

TEST_F(ImapServerSession, ShowsRecentToTheFirstSessionOnly) {
  store_.put("alice", "INBOX", plain_message("a"));
  Client one = signed_in(), two = signed_in();
  EXPECT_TRUE(Client::has(one.command("EXAMINE INBOX"), "* 1 RECENT"));
  EXPECT_TRUE(Client::has(one.command("SELECT INBOX"), "* 1 RECENT"));
  EXPECT_TRUE(Client::has(two.command("SELECT INBOX"), "* 0 RECENT"));
  EXPECT_TRUE(Client::has(one.command("SEARCH RECENT"), "* SEARCH 1"));
  EXPECT_TRUE(Client::has(two.command("FETCH 1 FLAGS"), "(FLAGS ())"));
}

TEST_F(ImapServerSession, EndsWithItsPassword) {
  Client quiet = signed_in(), idling = signed_in(), other(make());
  other.login("bob");
  idling.command("SELECT INBOX");
  idling.send("t IDLE\r\n");
  wakes_ = 0;
  door_.sessions->end("alice");
  EXPECT_EQ(wakes_, 2);
  EXPECT_TRUE(idling.wake().starts_with("* BYE"));
  EXPECT_TRUE(idling.closed());
  EXPECT_TRUE(quiet.command("NOOP").starts_with("* BYE"));
  EXPECT_TRUE(quiet.closed());
  EXPECT_TRUE(Client::ok(other.command("NOOP")));
  Client again = signed_in();
  EXPECT_TRUE(Client::ok(again.command("NOOP")));
}

TEST_F(ImapServerSession, SignsInWithScram) {
  auto names = sasl::server_mechanisms({});
  EXPECT_NE(std::find(names.begin(), names.end(), "SCRAM-SHA-256"), names.end());
  Client client(make({"192.0.2.1", false, false}));
  // A first message without channel binding; the server's answer carries its own nonce.
  std::string response = client.command("AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZSxyPWFiY2RlZmdoaWo=");
  EXPECT_TRUE(response.starts_with("+ ")) << response;
  EXPECT_TRUE(Client::has(client.send("Yz1iaXdzLHI9d3JvbmcscD1hYWFh\r\n"), "t NO [AUTHENTICATIONFAILED]"));
}

}  // namespace
}  // namespace mailstead::test
