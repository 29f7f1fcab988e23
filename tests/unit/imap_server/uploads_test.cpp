// MULTIAPPEND (RFC 3502), CREATE-SPECIAL-USE (6154), OBJECTID (8474), UTF8=ACCEPT (6855).
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

class ImapUploads : public ImapServer {
 protected:
  ImapUploads() { client_.login(); }
  [[nodiscard]] std::uint32_t count(const std::string& mailbox) {
    return store_.mail().find("alice", mailbox)->messages;
  }
  Client client_{make()};
};

TEST_F(ImapUploads, KeepSeveralMessagesAtOnce) {
  std::string answer = client_.command(
      "APPEND INBOX (\\Seen) \"14-Nov-2023 22:13:20 +0100\" {7+}\r\na: 1\r\n\r (\\Flagged $Own) {7+}\r\na: 2\r\n\r"
      " {6+}\r\na: 3\r\n");
  EXPECT_TRUE(Client::has(answer, "t OK [APPENDUID 1000 1:3] Append completed.")) << answer;
  (void)client_.command("EXAMINE INBOX");
  answer = client_.command("FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[]<0.4>)");
  EXPECT_TRUE(Client::has(answer,
                          "* 1 FETCH (FLAGS (\\Seen \\Recent) INTERNALDATE \"14-Nov-2023 21:13:20 +0000\" "
                          "BODY[]<0> {4}\r\na: 1)\r\n"));
  EXPECT_TRUE(Client::has(answer, "* 2 FETCH (FLAGS (\\Flagged $Own \\Recent)"));
  EXPECT_TRUE(Client::has(answer, "* 3 FETCH (FLAGS (\\Recent) INTERNALDATE \"14-Nov-2023 22:13:20 +0000\""));
}

TEST_F(ImapUploads, AskForEachLiteralInTurn) {
  EXPECT_EQ(client_.command("APPEND Sent {3}"), "+ OK\r\n");
  EXPECT_EQ(client_.send("abc {3}\r\n"), "+ OK\r\n");
  EXPECT_EQ(client_.send("def"), "");
  EXPECT_TRUE(Client::has(client_.send("\r\n"), "t OK [APPENDUID 1001 1:2]"));
}

TEST_F(ImapUploads, KeepAllOrNothing) {
  const std::string one = "APPEND Sent {3+}\r\nabc ";
  const struct {
    const char *rest, *answer;
  } rows[] = {
      {"{0+}\r\n", "t NO [CANNOT]"},
      {"(\\Frob) {3+}\r\nabc", "t BAD"},
      {"\"yesterday\" {3+}\r\nabc", "t BAD"},
      {"{3+}\r\nabc x", "t BAD"},
      {"{3+}\r\nabc ", "t BAD"},
      {"{1048577+}\r\n", nullptr},
      {"UTF8 (~{3+}\r\nabc)", "t BAD"},  // not enabled
      {"", "t BAD"},
  };
  for (const auto& row : rows) {
    std::string rest = row.rest;
    if (row.answer == nullptr) rest += std::string(1'048'577, 'x');
    std::string answer = client_.command(one + rest);
    EXPECT_TRUE(Client::has(answer, row.answer == nullptr ? "t NO [TOOBIG]" : row.answer)) << row.rest << answer;
    EXPECT_EQ(count("Sent"), 0U) << row.rest;
  }
  // A synchronizing one is refused before it is sent.
  EXPECT_TRUE(client_.command(one + "{1048577}").starts_with("t NO [TOOBIG]"));
  EXPECT_TRUE(Client::ok(client_.command("NOOP")));
  store_.content().full = true;
  EXPECT_TRUE(client_.command(one + "{3+}\r\ndef").starts_with("t NO [UNAVAILABLE]"));
  store_.content().full = false;
  EXPECT_EQ(count("Sent"), 0U);
}

TEST_F(ImapUploads, HaveALimitInOneCommand) {
  auto many = [](int count) {
    std::string command = "APPEND Sent";
    for (int i = 0; i < count; ++i) command += " {3+}\r\nabc";
    return command;
  };
  EXPECT_TRUE(Client::has(client_.command(many(100)), "t OK [APPENDUID 1001 1:100]"));
  EXPECT_TRUE(client_.command(many(101)).starts_with("t NO [LIMIT]"));
  EXPECT_EQ(count("Sent"), 100U);
}

// Sent ahead: each has its answer, in order, and the store is asked once.
TEST_F(ImapUploads, SentAheadAreKeptTogether) {
  (void)client_.command("SELECT Sent");
  const std::size_t before = store_.mail().appends_asked;
  EXPECT_EQ(client_.send("a APPEND Sent {3+}\r\nabc\r\nb APPEND Sent (\\Seen) {3+}\r\ndef {3+}\r\nghi\r\n"
                         "c APPEND Sent {3+}\r\njkl\r\n"),
            "* 4 EXISTS\r\n* 4 RECENT\r\na OK [APPENDUID 1001 1] Append completed.\r\n"
            "b OK [APPENDUID 1001 2:3] Append completed.\r\nc OK [APPENDUID 1001 4] Append completed.\r\n");
  EXPECT_EQ(store_.mail().appends_asked, before + 1);
}

TEST_F(ImapUploads, SentAheadAreAnsweredInTheOrderOfTheCommands) {
  const std::string sent =
      "a APPEND Sent {3+}\r\nabc\r\nb APPEND INBOX {3+}\r\ndef\r\nc STATUS Sent (MESSAGES)\r\n"
      "d APPEND Nowhere {3+}\r\nghi\r\ne APPEND Sent {3+}\r\njkl\r\nf APPEND Sent {0+}\r\n\r\n"
      "g APPEND Sent (\\Frob) {3+}\r\nmno\r\nh APPEND Sent {3+}\r\npqr\r\ni NONSENSE\r\nj APPEND Sent {3+}\r\n"
      "stu\r\nk LOGOUT\r\n";
  const std::string told = "a OK b OK * STATUS c OK d NO e OK f NO g BAD h OK i BAD j OK * BYE k OK ";
  for (std::size_t step : {sent.size(), std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{40}}) {
    Client client(make());
    client.login();
    std::string answers, words;
    for (std::size_t at = 0; at < sent.size(); at += step) answers += client.send(sent.substr(at, step));
    std::istringstream lines(answers);
    for (std::string line; std::getline(lines, line);)
      words += line.substr(0, line.find(' ', line.find(' ') + 1)) + ' ';
    EXPECT_EQ(words, told) << step << "\n" << answers;
  }
  EXPECT_EQ(count("Sent"), 4U * 5U);
}

TEST_F(ImapUploads, OneThatFailsDoesNotTakeTheOthersWithIt) {
  store_.mail().refused_keyword = "$Bad";
  EXPECT_EQ(
      client_.send("a APPEND Sent {3+}\r\nabc\r\nb APPEND Sent ($Bad) {3+}\r\ndef\r\nc APPEND Sent {3+}\r\nghi\r\n"),
      "a OK [APPENDUID 1001 1] Append completed.\r\nb NO [LIMIT] too many keywords\r\n"
      "c OK [APPENDUID 1001 2] Append completed.\r\n");
}

// Refused between others: a NUL, text behind the message.
TEST_F(ImapUploads, RefusedOnesAreAnsweredInTheirPlace) {
  using namespace std::string_literals;
  const std::string answer = client_.send(
      "a APPEND Sent {3+}\r\nabc\r\nb APPEND Sent ~{3+}\r\na\0c\r\nc APPEND Sent {3+}\r\ndef x\r\nd APPEND Sent "
      "{3+}\r\n"
      "ghi\r\n"s);
  EXPECT_TRUE(answer.starts_with("a OK [APPENDUID 1001 1] ")) << answer;
  const auto b = answer.find("\r\nb NO "), c = answer.find("\r\nc BAD "),
             d = answer.find("\r\nd OK [APPENDUID 1001 2]");
  ASSERT_NE(d, std::string::npos) << answer;
  EXPECT_TRUE(b < c && c < d) << answer;
}

TEST_F(ImapUploads, SentAheadAreHeldWithinBounds) {
  std::string sent;
  for (int i = 0; i < 250; ++i) sent += "t APPEND Sent {3+}\r\nabc\r\n";
  const std::size_t before = store_.mail().appends_asked;
  (void)client_.send(sent);
  EXPECT_EQ(store_.mail().appends_asked, before + 3);
  EXPECT_EQ(count("Sent"), 250U);
}

// What was sent before the end is kept, and said.
TEST_F(ImapUploads, SentAheadAreKeptBeforeTheConnectionEnds) {
  const std::string answer =
      client_.send("a APPEND Sent {3+}\r\nabc\r\nb " + std::string(mail::kMaxCommandLine + 10, 'x') + "\r\n");
  EXPECT_TRUE(answer.starts_with("a OK [APPENDUID 1001 1]")) << answer;
  EXPECT_TRUE(Client::has(answer, "* BYE Line too long."));
  EXPECT_EQ(count("Sent"), 1U);
}

TEST_F(ImapUploads, MakeMailboxesForAUse) {
  std::string answer = client_.command("CREATE Bin (USE (\\trash))");
  EXPECT_TRUE(Client::has(answer, "t OK [MAILBOXID (F")) << answer;
  EXPECT_EQ(client_.command("LIST (SPECIAL-USE) \"\" Bin"),
            "* LIST (\\HasNoChildren \\Trash) \"/\" \"Bin\"\r\n"
            "t OK List completed.\r\n");
  for (const char* use : {"\\Trash", "\\Sent", "\\All", "\\Flagged", "\\Frob", "\\Junk \\Archive"}) {
    EXPECT_TRUE(client_.command("CREATE Other (USE (" + std::string(use) + "))").starts_with("t NO [USEATTR]")) << use;
    EXPECT_FALSE(store_.mail().find("alice", "Other"));
  }
  EXPECT_TRUE(Client::ok(client_.command("CREATE Other (USE ())")));
  for (const char* wrong : {"CREATE A (FROB)", "CREATE A (USE)", "CREATE A USE", "CREATE A (USE (\\Junk)) x"})
    EXPECT_TRUE(client_.command(wrong).starts_with("t BAD")) << wrong;
}

TEST_F(ImapUploads, HaveNamesForGood) {
  std::string answer = client_.command("CREATE One");
  auto open = answer.find("[MAILBOXID (");
  ASSERT_NE(open, std::string::npos);
  std::string id = answer.substr(open + 11, answer.find(')', open) - open - 10);
  EXPECT_TRUE(Client::has(client_.command("STATUS One (MAILBOXID MESSAGES)"), "(MAILBOXID " + id + " MESSAGES 0)"));
  (void)client_.command("RENAME One Two");
  EXPECT_TRUE(Client::has(client_.command("SELECT Two"), "* OK [MAILBOXID " + id + "]"));
  (void)client_.command("DELETE Two");
  EXPECT_FALSE(Client::has(client_.command("CREATE Two"), id));

  (void)client_.command("APPEND INBOX {3+}\r\nabc {3+}\r\ndef");
  (void)client_.command("SELECT INBOX");
  answer = client_.command("FETCH 1 (EMAILID THREADID)");
  EXPECT_TRUE(answer.starts_with("* 1 FETCH (EMAILID (M1) THREADID NIL)\r\n")) << answer;
  (void)client_.command("COPY 1 Sent");
  EXPECT_TRUE(client_.command("SEARCH EMAILID M2").starts_with("* SEARCH 2\r\n"));
  EXPECT_TRUE(client_.command("SEARCH NOT EMAILID M2").starts_with("* SEARCH 1\r\n"));
  EXPECT_TRUE(client_.command("SEARCH EMAILID m2").starts_with("* SEARCH\r\n"));
  EXPECT_TRUE(client_.command("SEARCH THREADID T1").starts_with("* SEARCH\r\n"));
  (void)client_.command("SELECT Sent");
  EXPECT_TRUE(client_.command("FETCH 1 EMAILID").starts_with("* 1 FETCH (EMAILID (M1))\r\n"));
}

const std::string kGreek = "\xCE\xB1\xCE\xB2";

TEST_F(ImapUploads, NameMailboxesInUtf8OnceThatIsEnabled) {
  (void)client_.command("CREATE &A7EDsg-/A&-B");
  EXPECT_TRUE(Client::has(client_.command("LIST \"\" *"), "\"&A7EDsg-\""));
  EXPECT_EQ(client_.command("ENABLE UTF8=ACCEPT"), "* ENABLED UTF8=ACCEPT\r\nt OK Enable completed.\r\n");
  EXPECT_TRUE(Client::has(client_.command("LIST \"\" *"), "\"/\" \"" + kGreek + "\"\r\n"));
  EXPECT_TRUE(Client::has(client_.command("LIST \"\" \"" + kGreek + "/%\""), "\"/\" \"" + kGreek + "/A&B\"\r\n"));
  EXPECT_TRUE(Client::has(client_.command("STATUS \"" + kGreek + "\" (MESSAGES)"), "* STATUS \"" + kGreek + "\" ("));
  // What looks like modified UTF-7 is the name itself now.
  EXPECT_TRUE(Client::ok(client_.command("CREATE &A7EDsg-")));
  EXPECT_TRUE(store_.mail().find("alice", "&A7EDsg-"));
  EXPECT_TRUE(Client::ok(client_.command("CREATE \"q\\\"\\\\\"")));
  EXPECT_TRUE(Client::has(client_.command("LIST \"\" q*"), "\"q\\\"\\\\\"\r\n"));
  EXPECT_TRUE(client_.command("CREATE \"\xFF\"").starts_with("t BAD"));
  EXPECT_TRUE(Client::ok(client_.command("SUBSCRIBE \"" + kGreek + "\"")));
  EXPECT_TRUE(Client::has(client_.command("LSUB \"\" *"), "\"" + kGreek + "\"\r\n"));
}

TEST_F(ImapUploads, TakeMessagesWithUtf8HeadersOnceThatIsEnabled) {
  (void)client_.command("ENABLE UTF8=ACCEPT");
  std::string message = "Subject: " + kGreek + "\r\n\r\nx\r\n";
  std::string literal = "~{" + std::to_string(message.size()) + "+}\r\n" + message;
  EXPECT_TRUE(Client::has(client_.command("APPEND INBOX (\\Seen) UTF8 (" + literal + ")"), "t OK [APPENDUID"));
  EXPECT_TRUE(Client::has(client_.command("APPEND INBOX UTF8 (" + literal + ") UTF8 (" + literal + ")"), " 2:3]"));
  EXPECT_TRUE(client_.command("APPEND INBOX UTF8 (" + literal).starts_with("t BAD"));
  EXPECT_TRUE(client_.command("APPEND INBOX UTF8 " + literal).starts_with("t BAD"));
  EXPECT_TRUE(client_.command("APPEND INBOX UTF8 ({3+}\r\nabc)").starts_with("t BAD"));
  EXPECT_EQ(count("INBOX"), 3U);
  (void)client_.command("SELECT INBOX");
  EXPECT_TRUE(Client::has(client_.command("SEARCH SUBJECT \"" + kGreek + "\""), "* SEARCH 1 2 3\r\n"));
  EXPECT_TRUE(client_.command("SEARCH CHARSET UTF-8 SUBJECT x").starts_with("t BAD"));
  EXPECT_TRUE(Client::has(client_.command("FETCH 1 ENVELOPE"), "{4}\r\n" + kGreek + " "));
}

TEST_F(ImapUploads, AreAnnounced) {
  std::string words = client_.command("CAPABILITY");
  for (const char* word : {" MULTIAPPEND", " CREATE-SPECIAL-USE", " OBJECTID", " UTF8=ACCEPT"})
    EXPECT_TRUE(Client::has(words, word)) << word;
}

}  // namespace
}  // namespace mailstead::test
