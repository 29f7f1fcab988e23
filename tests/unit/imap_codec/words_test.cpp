#include <gtest/gtest.h>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/date_time.h"
#include "connectors/imap/codec/mailbox_name.h"
#include "connectors/imap/codec/sequence_set.h"
#include "connectors/imap/codec/syntax.h"

namespace mailstead::imap {
namespace {

std::string astring(std::string_view bytes, std::string_view suffix = "") {
  std::string out;
  append_astring(out, bytes, suffix);
  return out;
}

TEST(ImapSyntax, WritesTheShortestForm) {
  EXPECT_EQ(astring("INBOX"), "INBOX");
  EXPECT_EQ(astring("a]b"), "a]b");
  EXPECT_EQ(astring(""), "\"\"");
  EXPECT_EQ(astring("nil"), "\"nil\"");
  EXPECT_EQ(astring("a b"), "\"a b\"");
  EXPECT_EQ(astring("a\"\\"), R"("a\"\\")");
  EXPECT_EQ(astring("a\r\nb"), "{4}\r\na\r\nb");
  EXPECT_EQ(astring("\xC3\xA9", "+"), "{2+}\r\n\xC3\xA9");
  std::string nil;
  append_nstring(nil, std::nullopt);
  EXPECT_EQ(nil, "NIL");
}

TEST(ImapSyntax, WritesWhatTheCursorReadsBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) {
    all += static_cast<char>(c);
    std::string one(1, static_cast<char>(c));
    std::string text = astring(one);
    EXPECT_EQ(Cursor(text).expect_astring(), one) << c;
  }
  std::string text = astring(all);
  EXPECT_EQ(Cursor(text).expect_astring(), all);
}

TEST(ImapSyntax, RefusesNumbersThatAreNone) {
  EXPECT_EQ(parse_number("007"), 7U);
  for (std::string_view text : {"", "+1", "-1", " 1", "1 ", "18446744073709551616", "99999999999999999999", "1e3"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_number("4294967296", UINT32_MAX), std::nullopt);
}

TEST(ImapSequenceSet, ParsesAndWrites) {
  for (std::string text : {"1", "*", "1:4,7,9:*", "4294967295", "*:5"}) {
    auto set = SequenceSet::parse(text);
    ASSERT_TRUE(set) << text;
    EXPECT_EQ(set->text(), text);
  }
  for (std::string text : {"", "0", "1,", ",1", "1:", ":1", "1:2:3", "4294967296", "-1", "a", "1 2", "1:0"}) {
    EXPECT_FALSE(SequenceSet::parse(text)) << text;
  }
  EXPECT_FALSE(SequenceSet::parse("1,2,3", 2));
}

TEST(ImapSequenceSet, ResolvesAndFinds) {
  auto set = SequenceSet::parse("9:*,4:2,5,100")->resolved(12);
  EXPECT_EQ(set.text(), "2:5,9:12,100");
  for (std::uint32_t number : {2U, 5U, 9U, 12U, 100U}) EXPECT_TRUE(set.contains(number)) << number;
  for (std::uint32_t number : {0U, 1U, 6U, 8U, 13U, 99U, 101U, UINT32_MAX})
    EXPECT_FALSE(set.contains(number)) << number;
  EXPECT_TRUE(SequenceSet::parse("*")->resolved(0).empty());
  EXPECT_TRUE(SequenceSet().resolved(5).empty());
  EXPECT_EQ(SequenceSet::parse("1:4294967295,3")->resolved(9).text(), "1:4294967295");
}

TEST(ImapSequenceSet, JoinsNumbersAndCutsTexts) {
  EXPECT_EQ(SequenceSet::of({7, 3, 1, 2, 3, 9, 8, 0, UINT32_MAX}).text(), "1:3,7:9,4294967295");
  std::vector<std::uint32_t> odd;
  for (std::uint32_t i = 1; i < 4000; i += 2) odd.push_back(i);
  SequenceSet set = SequenceSet::of(odd);
  std::vector<std::uint32_t> back;
  for (const std::string& text : set.chunks(100)) {
    EXPECT_LE(text.size(), 100U);
    auto chunk = SequenceSet::parse(text);
    ASSERT_TRUE(chunk);
    for (const auto& range : chunk->ranges()) back.push_back(range.first);
  }
  EXPECT_EQ(back, odd);
}

TEST(ImapMailboxName, TranslatesBothWays) {
  const std::pair<const char*, const char*> rows[] = {
      {"INBOX", "INBOX"},
      {"a&b", "a&-b"},
      {"M\xC3\xBCnchen", "M&APw-nchen"},
      {"~peter/mail/\xE5\x8F\xB0\xE5\x8C\x97/\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
      {"\xF0\x9F\x93\xA7", "&2D3c5w-"},
      {"", ""},
  };
  for (const auto& [utf8, wire] : rows) {
    EXPECT_EQ(to_modified_utf7(utf8), wire);
    EXPECT_EQ(from_modified_utf7(wire), utf8);
  }
}

TEST(ImapMailboxName, RefusesWhatIsNotCanonical) {
  for (std::string text :
       {"&", "&AP", "&AP!-", "&AGE-", "&APw-&APw-", "M\xC3\xBC", "&2D0-", "&3Oc-", "&APx-", "a\tb", "&A-", "&Jjo!"}) {
    EXPECT_EQ(from_modified_utf7(text), std::nullopt) << text;
  }
}

TEST(ImapMailboxName, MatchesListPatterns) {
  struct Row {
    const char *name, *pattern;
    bool matches;
  } rows[] = {
      {"INBOX", "*", true},       {"a/b", "%", false},          {"a/b", "%/%", true},     {"a/b/c", "%/%", false},
      {"a/b/c", "a/*", true},     {"a/b/c", "*c", true},        {"inbox", "INBOX", true}, {"Inbox/x", "INBOX/%", true},
      {"xinbox", "INBOX", false}, {"inboxes", "INBOX*", false}, {"", "*", true},          {"", "", true},
      {"a", "", false},           {"abc", "a%c", true},         {"a/c", "a%c", false},    {"a/x/c", "%*c", true},
      {"Work", "work", false}};
  for (const Row& row : rows) {
    EXPECT_EQ(matches_list_pattern(row.name, row.pattern, '/'), row.matches) << row.name << " ~ " << row.pattern;
  }
}

TEST(ImapMailboxName, MatchesHostilePatternsInTime) {
  std::string name(2000, 'a'), pattern;
  for (int i = 0; i < 1000; ++i) pattern += "a*";
  EXPECT_FALSE(matches_list_pattern(name, pattern + "b", '/'));
}

TEST(ImapDateTime, ParsesAndFormats) {
  auto date = parse_date_time("17-Jul-1996 02:44:25 -0700");
  ASSERT_TRUE(date);
  EXPECT_EQ(date->zone_minutes, -420);
  EXPECT_EQ(date->utc.time_since_epoch().count(), 837596665);
  EXPECT_EQ(format_date_time(date->utc, -420), "17-Jul-1996 02:44:25 -0700");
  EXPECT_EQ(format_date_time(mail::WallTime{}), " 1-Jan-1970 00:00:00 +0000");
  EXPECT_EQ(parse_date_time(" 1-jan-1970 00:00:00 +0000")->utc, mail::WallTime{});
  for (std::string text : {"", "30-Feb-2020 00:00:00 +0000", "1-Jan-2020 24:00:00 +0000", "1-Jan-2020 00:00 +0000",
                           "1-Jan-2020 00:00:00", "1-Jan-2020 00:00:00 +0060", "1-Foo-2020 00:00:00 +0000",
                           "99999999999-Jan-2020 00:00:00 +0000", "1-Jan-2020 00:00:00 +0000 x"}) {
    EXPECT_FALSE(parse_date_time(text)) << text;
  }
  EXPECT_EQ(parse_search_date("1-Feb-1994")->time_since_epoch().count(), 760060800);
  EXPECT_FALSE(parse_search_date("1-Feb-1994 x"));
}

}  // namespace
}  // namespace mailstead::imap
