#include <gtest/gtest.h>

#include "connectors/imap/client/capabilities.h"
#include "connectors/imap/client/fetch_items.h"
#include "connectors/imap/client/folder_choice.h"
#include "connectors/imap/client/logical_line.h"
#include "connectors/imap/client/response.h"
#include "mail/failure.h"
#include "tests/support/memory_stream.h"

namespace mailstead::imap {
namespace {

using testing::MemoryStream;

TEST(ImapResponse, TakesLinesApart) {
  Response ok = parse_response("M12 OK [READ-WRITE] done");
  EXPECT_EQ(ok.kind, Response::Kind::kTagged);
  EXPECT_EQ(ok.tag, "M12");
  EXPECT_TRUE(ok.has_code("read-write"));
  EXPECT_EQ(ok.text, "done");
  Response next = parse_response("* ok [UIDNEXT 5]");
  EXPECT_EQ(next.kind, Response::Kind::kStatus);
  EXPECT_EQ(next.arguments, "5");
  Response exists = parse_response("*  5  EXISTS ");
  EXPECT_TRUE(exists.is_data("exists"));
  EXPECT_EQ(exists.number, 5U);
  EXPECT_EQ(parse_response("+").kind, Response::Kind::kContinuation);
  EXPECT_EQ(parse_response("+ YWJj").text, "YWJj");
  EXPECT_EQ(parse_response("* OK [unended code").text, "[unended code");
}

TEST(ImapResponse, RefusesWhatIsNone) {
  for (std::string line :
       {"", " ", "*", "* ", "hello", "A1", "A1 ", "A1 PREAUTH x", "A1 MAYBE x", "* -1 EXISTS", "* 4294967296 EXISTS",
        "* 99999999999999999999 EXISTS", "* 5", "*5 EXISTS", "((((", "* ((((", "\xff\xfe"}) {
    EXPECT_THROW((void)parse_response(line), mail::Failure) << line;
  }
}

FetchItems fetch(const std::string& line) {
  return decode_fetch(parse_response(line));
}

TEST(ImapFetchItems, ReadsItemsInAnyOrder) {
  for (std::string line : {"* 1 FETCH (UID 7 FLAGS (\\Seen x) RFC822.SIZE 9 BODY[] {3}\r\nabc)",
                           "* 1 FETCH (BODY[] {3}\r\nabc RFC822.SIZE 9 FLAGS (\\Seen x) UID 7)",
                           "* 1 FETCH ( X-GM-LABELS (\"\\\\Inbox\" (a)) body[] \"abc\"  uid 7 FLAGS (\\Seen x )"
                           " BODY[HEADER.FIELDS (A \"b\")] NIL rfc822.size 9 ) "}) {
    FetchItems items = fetch(line);
    EXPECT_EQ(items.uid, 7U) << line;
    EXPECT_EQ(items.size, 9U) << line;
    EXPECT_EQ(items.body, "abc") << line;
    ASSERT_TRUE(items.flags) << line;
    EXPECT_TRUE(items.flags->has(mail::kSeen) && items.flags->has_keyword("x")) << line;
  }
}

TEST(ImapFetchItems, TakesNoPartForTheWhole) {
  for (std::string part : {"BODY[]<0>", "BODY[]<100>", "BODY[TEXT]", "BINARY[]<0>"}) {
    EXPECT_FALSE(fetch("* 1 FETCH (UID 7 " + part + " \"abc\")").has_body) << part;
    EXPECT_FALSE(body_begins("* 1 FETCH (UID 7 " + part + " ")) << part;
  }
}

TEST(ImapFetchItems, TakesSizesAsHints) {
  for (std::string size : {"-1", "NIL", "9.3736e+06", "18446744073709551616", "\"5\""}) {
    FetchItems items = fetch("* 1 FETCH (RFC822.SIZE " + size + " UID 3)");
    EXPECT_EQ(items.size, std::nullopt) << size;
    EXPECT_EQ(items.uid, 3U) << size;
  }
}

TEST(ImapFetchItems, RefusesUidsThatCannotBe) {
  for (std::string uid : {"0", "-1", "4294967296", "18446744073709551616", "x"}) {
    try {
      (void)fetch("* 1 FETCH (UID " + uid + ")");
      FAIL() << uid;
    } catch (const mail::Failure& failure) {
      EXPECT_EQ(failure.kind(), mail::FailureKind::kProtocol) << uid;
      EXPECT_EQ(failure.scope(), mail::FailureScope::kFolder) << uid;
    }
  }
}

TEST(ImapFetchItems, RefusesEveryCut) {
  const std::string whole =
      "* 1 FETCH (UID 7 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" FLAGS (\\Seen) BODY[1.HEADER.FIELDS (A B)] \"x\")";
  for (std::size_t cut = 10; cut < whole.size(); ++cut) {
    EXPECT_THROW((void)fetch(whole.substr(0, cut)), mail::Failure) << cut;
  }
  EXPECT_EQ(fetch(whole).internal_date->time_since_epoch().count(), 837596665);
}

TEST(ImapFetchItems, KnowsWhereABodyBegins) {
  EXPECT_EQ(body_begins("* 1 FETCH (UID 7 BODY[] ")->uid, 7U);
  EXPECT_EQ(body_begins("* 1 FETCH (BODY[] ")->uid, std::nullopt);
  EXPECT_TRUE(body_begins("* 1 FETCH (RFC822 "));
  EXPECT_FALSE(body_begins("* 1 FETCH (UID 7 BODY[TEXT] "));
  EXPECT_FALSE(body_begins("* 1 FETCH (UID 7 X "));
  EXPECT_FALSE(body_begins("* LIST () NIL "));
}

TEST(ImapList, ReadsGoodAndOddLines) {
  auto folder = decode_list(R"((\HasNoChildren \Sent) "/" "Sent &- more")");
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->name, "Sent & more");
  EXPECT_EQ(folder->wire, "Sent &- more");
  EXPECT_EQ(folder->delimiter, '/');
  EXPECT_EQ(folder->special_use, "\\Sent");
  EXPECT_FALSE(decode_list(R"((\Noselect) NIL a)")->selectable);
  EXPECT_EQ(decode_list(R"(() "/" Calendar of mine")")->wire, "Calendar of mine");
  EXPECT_EQ(decode_list("() \".\" {5}\r\na\"b c")->wire, "a\"b c");
  EXPECT_EQ(decode_list("() \"/\" M\xC3\xBC")->name, "M\xC3\xBC");
  for (std::string rest : {"", "()", "() \"/\"", "() \"/\" \"\"", "((((", "() \"/\" {3}\r\na\rb"}) {
    EXPECT_FALSE(decode_list(rest)) << rest;
  }
}

TEST(ImapList, MatchesPatterns) {
  Folder folder = *decode_list("() \".\" Lists.M&APw-nchen");
  EXPECT_TRUE(matches_folder(folder, "Lists/*"));
  EXPECT_TRUE(matches_folder(folder, "Lists.M?nchen"));
  EXPECT_TRUE(matches_folder(folder, "*"));
  EXPECT_FALSE(matches_folder(folder, "Lists/M??nchen"));
  EXPECT_FALSE(matches_folder(folder, "lists/*"));
  EXPECT_TRUE(matches_folder(folder_named("inbox"), "Inbox"));
}

TEST(ImapCapabilities, AreWords) {
  auto capabilities = Capabilities::parse(" IMAP4rev1  auth=plain AUTH=SCRAM-SHA-256 LITERAL- ");
  EXPECT_TRUE(capabilities.has("IMAP4REV1"));
  EXPECT_EQ(capabilities.mechanisms(), (std::vector<std::string>{"PLAIN", "SCRAM-SHA-256"}));
  EXPECT_EQ(capabilities.literal_suffix(4096), "+");
  EXPECT_EQ(capabilities.literal_suffix(4097), "");
  EXPECT_FALSE(Capabilities::parse("  ").known());
}

// The logical line: every way in which the octets may arrive.

struct Taker : LiteralTaker {
  bool takes_literal(std::string_view line, mail::ByteCount size) override {
    if (!body_begins(line)) return false;
    sizes.push_back(size);
    return true;
  }
  void literal_octets(std::string_view octets) override { body += octets; }
  std::string body;
  std::vector<mail::ByteCount> sizes;
};

struct Read {
  std::string line, body;
};

Read read_line_of(const std::string& input, std::size_t chunk = 65536, std::size_t cut = std::string::npos) {
  MemoryStream stream(input, chunk, cut);
  net::BufferedReader reader(stream);
  Taker taker;
  Read result;
  read_logical_line(reader, {}, taker, result.line);
  result.body = std::move(taker.body);
  return result;
}

TEST(ImapLogicalLine, IsTheSameHoweverItArrives) {
  const std::string input =
      "* 1 FETCH (X {4}\r\na\r\nb UID 3 BODY[] {12}\r\nab{3}\r\n)(\r\n\r Y ~{2}\r\n\r\n Z {0}\r\n)\r\n* 2 EXISTS\r\n";
  const std::string line = "* 1 FETCH (X {4}\r\na\r\nb UID 3 BODY[] {0}\r\n Y ~{2}\r\n\r\n Z {0}\r\n)";
  auto check = [&](const Read& read, std::size_t at) {
    EXPECT_EQ(read.line, line) << at;
    EXPECT_EQ(read.body, "ab{3}\r\n)(\r\n\r") << at;
  };
  check(read_line_of(input), 0);
  for (std::size_t chunk = 1; chunk < 20; ++chunk) check(read_line_of(input, chunk), chunk);
  for (std::size_t cut = 0; cut < input.size(); ++cut) check(read_line_of(input, 65536, cut), cut);
}

TEST(ImapLogicalLine, NeverEndsWellWhenCut) {
  const std::string input = "* 1 FETCH (UID 3 BODY[] {10}\r\n0123456789)\r\n";
  for (std::size_t length = 0; length < input.size(); ++length) {
    EXPECT_THROW((void)read_line_of(input.substr(0, length)), mail::Failure) << length;
  }
}

TEST(ImapLogicalLine, TakesBracesInTextForText) {
  EXPECT_EQ(read_line_of("* OK have {5}\r\nnext\r\n").line, "* OK have {5}");
  EXPECT_EQ(read_line_of("M1 NO {99999999999999999999}\r\n").line, "M1 NO {99999999999999999999}");
  EXPECT_EQ(read_line_of("+ {5}\r\n").line, "+ {5}");
}

TEST(ImapLogicalLine, RefusesSizesBeyondTheLimits) {
  struct Row {
    std::string input;
    mail::FailureKind kind;
  } rows[] = {{"* X {65537}\r\n", mail::FailureKind::kLimit},
              {"* X {4294967296}\r\n", mail::FailureKind::kLimit},
              {"* X {18446744073709551615}\r\n", mail::FailureKind::kLimit},
              {"* X {99999999999999999999}\r\n", mail::FailureKind::kProtocol},
              {"* X " + std::string(70'000, 'a') + "\r\n", mail::FailureKind::kLimit},
              {"* X " + std::string(70'000, '('), mail::FailureKind::kLimit}};
  for (const Row& row : rows) {
    try {
      (void)read_line_of(row.input);
      FAIL() << row.input.substr(0, 40);
    } catch (const mail::Failure& failure) {
      EXPECT_EQ(failure.kind(), row.kind) << row.input.substr(0, 40);
    }
  }
}

TEST(ImapLogicalLine, BoundsWhatItKeeps) {
  std::string input = "* X";
  for (int i = 0; i < 40; ++i) input += " {60000}\r\n" + std::string(60'000, 'a');
  EXPECT_THROW((void)read_line_of(input + "\r\n"), mail::Failure);
}

}  // namespace
}  // namespace mailstead::imap
