#include "connectors/imap/codec/cursor.h"

#include <gtest/gtest.h>

#include "mail/failure.h"

namespace mailstead::imap {
namespace {

TEST(ImapCursor, ReadsWordsWholeOnly) {
  Cursor cursor("uid FETCH BODY.PEEK[] body[TEXT]");
  EXPECT_FALSE(cursor.try_word("UI"));
  EXPECT_TRUE(cursor.try_word("UID"));
  cursor.expect_space();
  EXPECT_TRUE(cursor.try_word("fetch"));
  cursor.expect_space();
  EXPECT_FALSE(cursor.try_word("BODY"));
  EXPECT_TRUE(cursor.try_word("BODY.PEEK["));
  cursor.expect_char(']');
  EXPECT_TRUE(cursor.skip_spaces());
  EXPECT_TRUE(cursor.try_word("BODY["));
  EXPECT_EQ(cursor.expect_atom(), "TEXT");
}

struct StringRow {
  const char* name;
  std::string text;
  std::optional<std::string> value;
  std::string rest;
};

class ImapCursorStrings : public ::testing::TestWithParam<StringRow> {};

TEST_P(ImapCursorStrings, ReadsOrLeavesEverything) {
  Cursor cursor(GetParam().text);
  EXPECT_EQ(cursor.try_string(), GetParam().value);
  EXPECT_EQ(cursor.rest(), GetParam().rest);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ImapCursorStrings,
    ::testing::Values(
        StringRow{"quoted", R"("a b" x)", "a b", " x"}, StringRow{"empty", R"("")", "", ""},
        StringRow{"escapes", R"("a\"b\\" x)", "a\"b\\", " x"}, StringRow{"eight_bit", "\"\xC3\xA9\"", "\xC3\xA9", ""},
        StringRow{"unended", "\"abc", std::nullopt, "\"abc"},
        StringRow{"escape_at_end", "\"abc\\", std::nullopt, "\"abc\\"},
        StringRow{"newline_inside", "\"a\r\nb\"", std::nullopt, "\"a\r\nb\""},
        StringRow{"literal", "{3}\r\na\"b x", "a\"b", " x"}, StringRow{"literal_plus", "{3+}\r\nabc", "abc", ""},
        StringRow{"literal8", std::string("~{3}\r\na\0b", 9), std::string("a\0b", 3), ""},
        StringRow{"literal_short", "{4}\r\nabc", std::nullopt, "{4}\r\nabc"},
        StringRow{"literal_negative", "{-1}\r\nabc", std::nullopt, "{-1}\r\nabc"},
        StringRow{"literal_beyond_64_bits", "{99999999999999999999}\r\nabc", std::nullopt,
                  "{99999999999999999999}\r\nabc"},
        StringRow{"literal_4_gib", "{4294967296}\r\nabc", std::nullopt, "{4294967296}\r\nabc"},
        StringRow{"literal_at_largest", "{18446744073709551615}\r\nabc", std::nullopt, "{18446744073709551615}\r\nabc"},
        StringRow{"atom", "abc", std::nullopt, "abc"}),
    [](const auto& row) { return row.param.name; });

TEST(ImapCursor, ReadsNothingPastAnyCutOfAValue) {
  const std::string whole = "(\"a\\\"b\" {3}\r\nxyz (1 NIL) \\Seen)";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    Cursor cursor(std::string_view(whole).substr(0, cut));
    EXPECT_THROW(cursor.skip_value(), mail::Failure) << cut;
  }
  Cursor cursor(whole);
  cursor.skip_value();
  EXPECT_TRUE(cursor.at_end());
}

TEST(ImapCursor, BoundsNumbers) {
  for (std::string text : {"-1", "4294967296", "18446744073709551616", "x", ""}) {
    Cursor cursor(text);
    EXPECT_FALSE(cursor.try_number(UINT32_MAX)) << text;
    EXPECT_EQ(cursor.rest(), text);
    EXPECT_THROW((void)cursor.expect_number(UINT32_MAX), mail::Failure) << text;
  }
  EXPECT_EQ(Cursor("4294967295").expect_number(UINT32_MAX), UINT32_MAX);
  EXPECT_EQ(Cursor("18446744073709551615").expect_number(), UINT64_MAX);
}

TEST(ImapCursor, RefusesListsBeyondTheDepthLimit) {
  std::string deep(100'000, '(');
  try {
    Cursor(deep).skip_value();
    FAIL();
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.kind(), mail::FailureKind::kLimit);
  }
  Cursor nested(deep);
  std::function<void()> item = [&] { nested.expect_list(item); };
  EXPECT_THROW(item(), mail::Failure);
}

TEST(ImapCursor, ReadsListsWithSloppyBlanks) {
  Cursor cursor("( a  b ) ()");
  std::vector<std::string> items;
  cursor.expect_list([&] { items.emplace_back(cursor.expect_atom()); });
  EXPECT_EQ(items, (std::vector<std::string>{"a", "b"}));
  cursor.expect_space();
  cursor.expect_list([] { FAIL(); });
  cursor.expect_end();
}

TEST(ImapCursor, ReadsFlagLists) {
  EXPECT_EQ(Cursor("(\\Seen $x \\* a]b)").expect_flag_list(), (std::vector<std::string>{"\\Seen", "$x", "\\*", "a]b"}));
  EXPECT_THROW((void)Cursor("(\\Seen \"x\")").expect_flag_list(), mail::Failure);
}

TEST(ImapCursor, TellsNilFromStrings) {
  EXPECT_EQ(Cursor("nil").expect_nstring(), std::nullopt);
  EXPECT_EQ(Cursor("\"NIL\"").expect_nstring(), "NIL");
  EXPECT_EQ(Cursor("a]b c").expect_astring(), "a]b");
  EXPECT_THROW((void)Cursor("nilly").expect_nstring(), mail::Failure);
}

TEST(ImapCursor, EscapesWhatItQuotesInFailures) {
  try {
    Cursor("\x1b[2J").expect_char('(');
    FAIL();
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.text().find('\x1b'), std::string::npos);
    EXPECT_EQ(failure.scope(), mail::FailureScope::kSession);
  }
}

}  // namespace
}  // namespace mailstead::imap
