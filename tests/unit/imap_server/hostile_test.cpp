// Hostile clients: what each may cost, and that others go on.
#include <gtest/gtest.h>

#include <malloc.h>

#include <random>

#include "connectors/imap/server/arguments.h"
#include "mail/failure.h"
#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

using ImapServerHostile = ImapServer;

struct Row {
  const char* name;
  bool signed_in;
  std::string input;
  const char* answer;
  bool closes;
};

std::vector<Row> rows() {
  std::string nest(150, '(');
  return {
      {"literal before login above 8 KiB", false, "a LOGIN {8193}\r\n", "a BAD [TOOBIG]", false},
      {"two literals before login above 8 KiB together", false,
       "a LOGIN {8000+}\r\n" + std::string(8000, 'x') + " {500}\r\n", "a BAD [TOOBIG]", false},
      {"LITERAL+ before login above 8 KiB", false, "a LOGIN {100000+}\r\n", "* BYE [TOOBIG]", true},
      {"literal above 64 KiB", true, "a SEARCH BODY {65537}\r\n", "a BAD [TOOBIG]", false},
      {"LITERAL+ of 4 GiB", true, "a SEARCH BODY {4294967296+}\r\n", "* BYE [TOOBIG]", true},
      {"message of 9 EB", true, "a APPEND INBOX {9223372036854775807}\r\n", "a NO [TOOBIG]", false},
      {"message above 63 bits", true, "a APPEND INBOX {9223372036854775808}\r\n", "* BYE", true},
      {"message of -1", true, "a APPEND INBOX {-1}\r\n", "a BAD", false},
      {"line before login above 8 KiB", false, "a LOGIN " + std::string(8200, 'x'), "* BYE Line too long.", true},
      {"line above 64 KiB", true, "a SEARCH BODY " + std::string(65537, 'x'), "* BYE Line too long.", true},
      {"huge tag", true, std::string(300, 'x') + " NOOP\r\n", "* BAD That is not a tag.", false},
      {"tag of a continuation", true, "+ NOOP\r\n", "* BAD That is not a tag.", false},
      {"empty line", true, "\r\n", "* BAD That is not a tag.", false},
      {"only blanks", true, "   \r\n", "* BAD That is not a tag.", false},
      {"tag without command", true, "a\r\n", "a BAD Unknown command.", false},
      {"NUL in a line", true, std::string("a CREATE x\0y\r\n", 14), "a BAD NUL in a command.", false},
      {"NUL in a literal", true, std::string("a CREATE {3+}\r\nx\0y\r\n", 20), "a BAD NUL in a command.", false},
      {"parentheses in SEARCH", true, "a SEARCH " + nest + "ALL" + std::string(150, ')') + "\r\n", "a BAD", false},
      {"NOT NOT NOT …", true,
       "a SEARCH " +
           [] {
             std::string text;
             for (int i = 0; i < 1000; ++i) text += "NOT ";
             return text;
           }() +
           "ALL\r\n",
       "a BAD", false},
      {"parentheses in STORE", true, "a STORE 1 FLAGS " + nest + "\r\n", "a BAD", false},
      {"parentheses in ID", true, "a ID " + nest + "\r\n", "a BAD", false},
      {"part numbers without end", true,
       "a FETCH 1 BODY[" +
           [] {
             std::string text;
             for (int i = 0; i < 500; ++i) text += "1.";
             return text;
           }() +
           "1]\r\n",
       "a BAD", false},
      {"part 0", true, "a FETCH 1 BODY[0]\r\n", "a BAD", false},
      {"part above 32 bits", true, "a FETCH 1 BODY[4294967296]\r\n", "a BAD", false},
      {"partial above 32 bits", true, "a FETCH 1 BODY[]<4294967296.1>\r\n", "a BAD", false},
      {"partial of zero octets", true, "a FETCH 1 BODY[]<0.0>\r\n", "a BAD", false},
      {"sequence number 0", true, "a FETCH 0 FLAGS\r\n", "a BAD", false},
      {"sequence number above 32 bits", true, "a FETCH 4294967296 FLAGS\r\n", "a BAD", false},
      {"sequence set of commas", true, "a FETCH " + std::string(1000, ',') + " FLAGS\r\n", "a BAD", false},
      {"path as mailbox", true, "a SELECT ../../etc/passwd\r\n", "a NO", false},
      {"mailbox that is neither UTF-7 nor UTF-8", true, "a SELECT \"\xFF\xFE\"\r\n", "a BAD", false},
      {"HTTP", false, "GET / HTTP/1.1\r\n", "GET BAD Unknown command.", false},
      {"UID without command", true, "a UID\r\n", "a BAD Unknown command.", false},
      {"UID NOOP", true, "a UID NOOP\r\n", "a BAD Unknown command.", false},
      {"quoted string without end", true, "a CREATE \"x\r\n", "a BAD", false},
      {"SASL line above its limit", false, "a AUTHENTICATE PLAIN\r\n" + std::string(13000, 'A'), "* BYE Line too long.",
       true},
      {"IDLE line above its limit", true, "a IDLE\r\n" + std::string(300, 'A'), "* BYE Line too long.", true},
  };
}

TEST_F(ImapServerHostile, IsRefusedByName) {
  store_.put("alice", "INBOX", plain_message("a"));
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    for (bool bytewise : {false, true}) {
      Client client = row.signed_in ? signed_in() : this->client();
      if (row.signed_in) (void)client.command("SELECT INBOX");
      std::string response;
      if (bytewise && row.input.size() < 20'000) {
        for (char c : row.input) response += client.send(std::string_view(&c, 1));
      } else {
        response = client.send(row.input);
      }
      EXPECT_TRUE(Client::has(response, row.answer)) << response.substr(0, 300);
      EXPECT_EQ(client.closed(), row.closes);
      if (!row.closes) {
        EXPECT_TRUE(Client::ok(client.command("NOOP")));
      }
    }
  }
}

std::size_t heap_in_use() {
  return mallinfo2().uordblks;
}

TEST_F(ImapServerHostile, AbortedSaslExchangesLeaveNothingBehind) {
  auto round = [&](int connections) {
    for (int i = 0; i < connections; ++i) {
      Client client(make());
      for (int j = 0; j < 20; ++j) {
        const char* bad = std::array{"*\r\n", "!!!\r\n", "====\r\n", "\xff\xfe\r\n"}[static_cast<std::size_t>(j % 4)];
        (void)client.command("AUTHENTICATE PLAIN");
        (void)client.send(bad);
      }
    }
  };
  round(50);
  std::size_t before = heap_in_use();
  round(5000);  // 100,000 exchanges
  EXPECT_LT(heap_in_use(), before + 256 * 1024);
  Client other(make());
  other.login();
}

TEST_F(ImapServerHostile, AnUnauthenticatedClientCostsLittle) {
  std::size_t before = heap_in_use();
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(make());
    (void)clients.back().send("a LOGIN {8000+}\r\n" + std::string(7999, '('));
  }
  EXPECT_LT((heap_in_use() - before) / 50, 64U * 1024);
}

TEST_F(ImapServerHostile, AnIdleSessionHoldsNoBuffers) {
  Client client = signed_in();
  std::size_t before = heap_in_use();
  (void)client.send("a SEARCH BODY {60000+}\r\n" + std::string(60000, 'x') + "\r\n");
  (void)client.send("a APPEND INBOX {900000+}\r\n" + std::string(900000, 'x') + "\r\n");
  (void)client.command("SELECT Sent");
  // The appended message itself is kept by the store.
  EXPECT_LT(heap_in_use(), before + 900'000 + 300'000);
}

TEST_F(ImapServerHostile, AFetchBuildsNoMoreThanItsLimitOfAMessage) {
  std::string header = "Subject: long\r\n";
  while (header.size() < 4 * 1024 * 1024) header += "X-Filler: " + std::string(900, 'x') + "\r\n";
  store_.put("alice", "INBOX", header + "\r\nx\r\n");
  store_.put("alice", "INBOX", plain_message("short"));
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  std::string items;
  for (int i = 0; i < 10; ++i) items += " BODY.PEEK[HEADER.FIELDS.NOT (A" + std::to_string(i) + ")]";
  const std::string answer = client.command("FETCH 1:2 (UID" + items + ")");
  EXPECT_TRUE(answer.starts_with("* 2 FETCH (UID 2 BODY[HEADER.FIELDS.NOT (A0)] {")) << answer.substr(0, 300);
  EXPECT_TRUE(Client::has(answer, "\r\nt NO [LIMIT] ")) << answer.substr(0, 300);
  // One of them is no trouble, however often it is named.
  std::string repeated;
  for (int i = 0; i < 90; ++i) repeated += " BODY.PEEK[HEADER.FIELDS.NOT (A0)]";
  const std::string once = client.command("FETCH 1 (UID" + repeated + ")");
  EXPECT_TRUE(Client::ok(once)) << once.substr(0, 300);
  EXPECT_LT(once.size(), header.size() + 1000);
}

TEST_F(ImapServerHostile, ASearchOpensEachMessageAFewTimesAtMost) {
  store_.put("alice", "INBOX", plain_message("a"));
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  const auto times = [](const std::string& key, int count) {
    std::string keys;
    for (int i = 0; i < count; ++i) keys += ' ' + key;
    return keys;
  };
  EXPECT_EQ(client.command("SEARCH" + times("NOT TEXT xyz", 20) + times("SUBJECT a", 100)),
            "* SEARCH 1\r\nt OK Search completed.\r\n");
  for (const char* key : {"NOT TEXT xyz", "BODY x", "NOT (NOT TEXT x)"}) {
    for (const char* command : {"SEARCH CHARSET UTF-8", "SORT (DATE) UTF-8", "THREAD REFERENCES UTF-8", "SEARCH"})
      EXPECT_TRUE(client.command(command + times(key, 21)).starts_with("t NO [LIMIT] ")) << command << key;
  }
  // As after any SEARCH that ends with NO (RFC 5182 §2.1).
  EXPECT_TRUE(Client::ok(client.command("SEARCH RETURN (SAVE) ALL")));
  // A header costs a tenth: clients ask for many Message-IDs at once.
  EXPECT_TRUE(Client::ok(client.command("SEARCH" + times("NOT HEADER Message-ID x", 200))));
  EXPECT_TRUE(client.command("SEARCH" + times("NOT HEADER X-A b", 201)).starts_with("t NO [LIMIT] "));
  EXPECT_TRUE(client.command("SEARCH RETURN (SAVE)" + times("TEXT x", 21)).starts_with("t NO [LIMIT] "));
  EXPECT_EQ(client.command("FETCH $ UID"), "t OK Fetch completed.\r\n");
}

TEST(ListPattern, IsShortAndHasNoRunsOfWildcards) {
  const struct {
    const char *reference, *pattern, *joined;
  } rows[] = {{"", "", ""},         {"a/", "b", "a/b"},   {"", "***", "*"},      {"a*", "*b**", "a*b*"},
              {"%", "%%/%", "%/%"}, {"", "*%*%", "*%*%"}, {"aa", "abb", "aaabb"}};
  for (const auto& row : rows) EXPECT_EQ(imap::join_pattern(row.reference, row.pattern), row.joined);
  EXPECT_EQ(imap::join_pattern(std::string(1000, 'a'), std::string(24, 'b')).size(), 1024U);
  EXPECT_THROW((void)imap::join_pattern(std::string(1000, 'a'), std::string(25, 'b')), mail::Failure);
}

TEST_F(ImapServerHostile, ALongMailboxPatternIsRefused) {
  Client client = signed_in();
  const std::string half(600, '*');
  EXPECT_EQ(client.command("LIST \"\" " + half), client.command("LIST \"\" *"));
  for (const std::string& command :
       {"LIST \"" + half + "\" " + half, "LIST \"\" (INBOX " + half + half + ")", "LSUB \"" + half + "\" " + half})
    EXPECT_TRUE(client.command(command).starts_with("t BAD ")) << command;
}

TEST_F(ImapServerHostile, AnItemNamedTwiceIsAnsweredOnce) {
  store_.put("alice", "INBOX", plain_message("a", "abcdef\r\n"));
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  EXPECT_EQ(
      client.command("FETCH 1 (UID UID BINARY.SIZE[1] BODY.PEEK[1]<0.2> BODY.PEEK[1]<0.3> BINARY.SIZE[1] UID)"),
      "* 1 FETCH (UID 1 BINARY.SIZE[1] 8 BODY[1]<0> {2}\r\nab BODY[1]<0> {3}\r\nabc)\r\nt OK Fetch completed.\r\n");
  // The one that is not a peek counts.
  EXPECT_TRUE(Client::has(client.command("FETCH 1 (BODY.PEEK[TEXT] BODY[TEXT])"), "{8}\r\nabcdef\r\n FLAGS (\\Seen"));
}

TEST_F(ImapServerHostile, CountingALargePartGivesOthersTheirTurn) {
  const std::size_t size = 5 * 1024 * 1024;
  store_.put("alice", "INBOX", plain_message("a", std::string(size, 'x')));
  Client client = signed_in();
  (void)client.command("SELECT INBOX");
  net::InputBuffer input;
  input.append("t FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1]<0.3>)\r\n");
  std::string output;
  int turns = 0;
  while (client.session().advance(input, output) == net::SessionStep::kMore && turns < 100) {
    EXPECT_EQ(output, "");
    ++turns;
  }
  EXPECT_GE(turns, 5);
  EXPECT_EQ(output, "* 1 FETCH (BINARY.SIZE[1] " + std::to_string(size) +
                        " BINARY[1]<0> {3}\r\nxxx)\r\nt OK Fetch completed.\r\n");
}

// Whatever comes, the session answers or closes; under the sanitizers nothing else happens.
TEST_F(ImapServerHostile, RandomCommandsDoNoHarm) {
  store_.put("alice", "INBOX", nested_message());
  const std::vector<std::string> words = {
      "a ",       "UID ",    "FETCH ",   "STORE ",  "SEARCH ",  "APPEND ", "SELECT ",       "INBOX",
      "1:*",      " (",      ")",        "BODY[",   "]",        "<0.5>",   "FLAGS",         "\\Seen",
      "{3+}\r\n", "{3}\r\n", "\r\n",     "\"",      "NOT ",     "OR ",     "LIST ",         "\"\" ",
      "*",        "%",       "RETURN (", "STATUS ", "IDLE",     "DONE",    "HEADER.FIELDS", "COPY ",
      "ENVELOPE", "1.2.",    "MIME",     "TEXT",    "CHARSET ", "UTF-8 ",  "ALL",           " ",
      "\\",       "EXPUNGE", "MOVE "};
  std::mt19937 random(4711);
  for (int i = 0; i < 3000; ++i) {
    Client client = signed_in();
    if (i % 2 == 0) (void)client.command("SELECT INBOX");
    std::string input;
    for (unsigned j = 0; j < 3 + random() % 25; ++j) {
      input += words[random() % words.size()];
      if (random() % 20 == 0) input += static_cast<char>(random() % 256);
    }
    (void)client.send(input + "\r\n");
    if (client.closed()) continue;
    (void)client.send("DONE\r\nDONE\r\n");
    if (!client.closed()) (void)client.command("NOOP");
  }
}

}  // namespace
}  // namespace mailstead::test
