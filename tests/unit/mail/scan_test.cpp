#include "mail/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>

namespace mailstead::mail {
namespace {

void expect_equal(const MessageFacts& a, const MessageFacts& b) {
  EXPECT_EQ(a.size, b.size);
  EXPECT_EQ(to_hex(a.content), to_hex(b.content));
  EXPECT_EQ(to_hex(a.fingerprint), to_hex(b.fingerprint));
  EXPECT_EQ(a.header, b.header);
  EXPECT_EQ(a.message_id, b.message_id);
  EXPECT_EQ(a.structure, b.structure);
  EXPECT_EQ(a.received_fields, b.received_fields);
  EXPECT_EQ(a.has_8bit, b.has_8bit);
  EXPECT_EQ(a.has_nul, b.has_nul);
  EXPECT_EQ(a.has_bare_cr_or_lf, b.has_bare_cr_or_lf);
  EXPECT_EQ(a.longest_line, b.longest_line);
}

MessageFacts scan_every_way(const std::string& message, const ParseLimits& limits = {}) {
  MessageFacts whole = scan_message(message, limits);
  MessageScanner bytewise(limits);
  for (char c : message) bytewise.feed(std::string_view(&c, 1));
  expect_equal(bytewise.finish(), whole);
  for (std::size_t split = 0; split <= message.size(); ++split) {
    SCOPED_TRACE(split);
    MessageScanner scanner(limits);
    scanner.feed(std::string_view(message).substr(0, split));
    scanner.feed(std::string_view(message).substr(split));
    expect_equal(scanner.finish(), whole);
  }
  return whole;
}

const std::string kMessage =
    "Received: from a by b; Mon, 2 Jan 2006 15:04:05 +0000\r\nReceived: x\r\nMessage-ID: <1@x.example>\r\n"
    "From: \"A\" <Alice@Example.ORG>\r\nDate: Mon, 2 Jan 2006 15:04:05 +0100\r\nSubject: =?utf-8?Q?gr=C3=BCn?=  "
    "x\r\n\r\n"
    "Hello\r\nworld\r\n";

TEST(MessageScanner, FindsTheFacts) {
  MessageFacts facts = scan_every_way(kMessage);
  EXPECT_EQ(facts.size, kMessage.size());
  EXPECT_EQ(facts.content, sha256(kMessage));
  EXPECT_EQ(facts.header, kMessage.substr(0, kMessage.find("Hello")));
  EXPECT_EQ(facts.message_id, "<1@x.example>");
  EXPECT_EQ(facts.received_fields, 2U);
  EXPECT_FALSE(facts.has_8bit);
  EXPECT_FALSE(facts.has_nul);
  EXPECT_FALSE(facts.has_bare_cr_or_lf);
  EXPECT_EQ(facts.longest_line, 53U);
  EXPECT_EQ(facts.structure, parse_structure(kMessage));
}

struct LineRow {
  const char* name;
  std::string bytes;
  bool high, nul, bare;
  std::size_t longest;
};

TEST(MessageScanner, KnowsLinesWhereverTheyFall) {
  const LineRow rows[] = {
      {"empty", "", false, false, false, 0},
      {"CRLF only", "\r\n", false, false, false, 0},
      {"last line without end", "a\r\nbcd", false, false, false, 3},
      {"bare LF", "ab\ncd\r\n", false, false, true, 2},
      {"bare CR", "ab\rcd\r\n", false, false, true, 5},
      {"CR at the end", "ab\r\n\r", false, false, true, 2},
      {"CR CR LF", "ab\r\r\n", false, false, true, 3},
      {"LF CR", "a\n\r", false, false, true, 1},
      {"8 bit", "\xFF", true, false, false, 1},
      {"NUL", std::string("a\0b", 3), false, true, false, 3},
  };
  for (const LineRow& row : rows) {
    for (std::size_t shift = 0; shift < 130; shift += 1) {
      SCOPED_TRACE(std::string(row.name) + " behind " + std::to_string(shift));
      std::string bytes;
      while (bytes.size() + 2 <= shift) bytes += "\r\n";
      if (bytes.size() < shift) bytes = "a" + bytes;
      MessageFacts facts = scan_message(bytes + row.bytes);
      EXPECT_EQ(facts.has_8bit, row.high);
      EXPECT_EQ(facts.has_nul, row.nul);
      EXPECT_EQ(facts.has_bare_cr_or_lf, row.bare);
      std::size_t odd = shift % 2;
      bool joined = shift == 1 && !row.bytes.empty();  // the "a" lies on the row's own first line
      if (!joined) {
        EXPECT_EQ(facts.longest_line, std::max(row.longest, odd));
      }
    }
  }
}

TEST(MessageScanner, GivesTheSameFactsForRandomBytesInAnyPieces) {
  std::mt19937 random(7);
  const std::string_view pieces[] = {"\r\n",
                                     "\n",
                                     "\r",
                                     "--b",
                                     "--b--",
                                     "a",
                                     "Content-Type: multipart/mixed; boundary=b",
                                     ": ",
                                     " ",
                                     "\xC3\xA4",
                                     "From ",
                                     "Content-Type: message/rfc822\r\n\r\n",
                                     "--b\r\n",
                                     "\r\n\r\n"};
  for (int round = 0; round < 300; ++round) {
    std::string message = round % 2 == 0 ? "Content-Type: multipart/mixed; boundary=b\r\n\r\n" : "";
    for (int i = 0; i < 30; ++i) message += pieces[random() % std::size(pieces)];
    SCOPED_TRACE(testing::PrintToString(message));
    MessageFacts whole = scan_message(message);
    MessageScanner scanner;
    for (std::string_view rest = message; !rest.empty();) {
      std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % 9);
      scanner.feed(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    expect_equal(scanner.finish(), whole);
  }
}

TEST(MessageScanner, CutsTheHeaderAtItsLimit) {
  ParseLimits limits;
  limits.header_bytes = 40;
  std::string message = "Subject: x\r\nX-Long: " + std::string(50, 'y') + "\r\n\r\nbody\r\n";
  MessageFacts facts = scan_every_way(message, limits);
  EXPECT_EQ(facts.header, "Subject: x\r\n");
  EXPECT_EQ(facts.structure.body_offset, facts.header.size());
}

TEST(Fingerprint, IsTheSameForTheSameMessageByAnotherWay) {
  Sha256 base = scan_message(kMessage).fingerprint;
  auto with = [](std::string_view from, std::string_view to) {
    std::string message = kMessage;
    message.replace(message.find(from), from.size(), to);
    return scan_message(message).fingerprint;
  };
  EXPECT_EQ(base, scan_message("Delivered-To: me\r\nX-Spam: no\r\n" + kMessage).fingerprint);
  EXPECT_EQ(base, scan_message(kMessage + "\r\n\r\n\n").fingerprint);
  EXPECT_EQ(base, scan_message(kMessage.substr(0, kMessage.size() - 2)).fingerprint);
  std::string bare = kMessage;
  std::erase(bare, '\r');
  EXPECT_EQ(base, scan_message(bare).fingerprint);
  EXPECT_EQ(base, with("\"A\" <Alice@Example.ORG>", "alice@example.org (other name)"));
  EXPECT_EQ(base, with("Mon, 2 Jan 2006 15:04:05 +0100", "2 Jan 06 14:04:05 GMT"));
  EXPECT_EQ(base, with("=?utf-8?Q?gr=C3=BCn?=  x", "=?iso-8859-1?Q?gr=FCn_x?="));
  EXPECT_EQ(base, with("<1@x.example>", "\r\n <1@x.example> "));
  EXPECT_NE(base, with("1@x", "2@x"));
  EXPECT_NE(base, with("Alice", "Bob"));
  EXPECT_NE(base, with("15:04:05 +0100", "15:05:05 +0100"));
  EXPECT_NE(base, with("  x", "  y"));
  EXPECT_NE(base, with("Hello", "Hallo"));
  EXPECT_NE(base, with("Hello\r\n", "Hello\r\n\r\n"));
}

TEST(Fingerprint, HoldsBackBlankLinesUntilTextFollows) {
  const std::string head = "Subject: x\r\n\r\n";
  std::string many(40'000, '\n');
  Sha256 plain = scan_message(head + "a").fingerprint;
  EXPECT_EQ(scan_message(head + "a" + many).fingerprint, plain);
  EXPECT_NE(scan_message(head + "a" + many + "b").fingerprint, plain);
  EXPECT_NE(scan_message(head + "a" + many + "b").fingerprint, scan_message(head + "a" + many + "\nb").fingerprint);
  EXPECT_EQ(scan_message(head + "a\rb\r\r\nc").fingerprint, scan_message(head + "a\nb\n\nc").fingerprint);
}

TEST(Fingerprint, IsDefinedForOddMessages) {
  for (const std::string& message : {std::string(), std::string("\r\n"), std::string("no header at all\r\n"),
                                     std::string("Date: rubbish\r\nFrom: ,,;\r\n\r\n"), std::string(100, '\0')}) {
    EXPECT_NE(scan_every_way(message).fingerprint, Sha256{});
  }
  EXPECT_NE(scan_message("Date: rubbish\r\n\r\n").fingerprint, scan_message("Date: other rubbish\r\n\r\n").fingerprint);
}

TEST(MessageScanner, TakesMessageIdsAsTheyCome) {
  auto id = [](const std::string& value) { return scan_message("Message-ID: " + value + "\r\n\r\n").message_id; };
  EXPECT_EQ(id("<a@b>"), "<a@b>");
  EXPECT_EQ(id("  < a @\tb > (comment)"), "<a@b>");
  EXPECT_EQ(id("a@b"), "<a@b>");
  EXPECT_EQ(id(""), "");
  EXPECT_EQ(id("<>"), "");
  EXPECT_EQ(id("<\x01\xFF@b>"), "<\xC3\xBF@b>");
  EXPECT_EQ(id("<" + std::string(2000, 'a') + ">"), "");
}

// Bombs of hostile.md: time is linear, so that minutes would show at once.
TEST(MessageScanner, StaysLinearOnBombs) {
  const std::string kinds[] = {"--b\r\n",
                               "--",
                               "a:b\r\n",
                               "\r\n ",
                               "--b",
                               "((",
                               "\"",
                               "From ",
                               "=?",
                               std::string(1, '\0'),
                               "Content-Type: message/rfc822\r\n\r\n"};
  auto start = std::chrono::steady_clock::now();
  for (const std::string& kind : kinds) {
    for (const char* head :
         {"", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "From: ", "Content-Type: ", "Subject: "}) {
      std::string message = head;
      while (message.size() < 50'000) message += kind;
      EXPECT_EQ(scan_message(message).size, message.size());
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

}  // namespace
}  // namespace mailstead::mail
