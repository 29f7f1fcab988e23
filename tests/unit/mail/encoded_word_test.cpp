#include "mail/encoded_word.h"

#include <gtest/gtest.h>

#include <string>

#include "mail/charset.h"

namespace mailstead::mail {
namespace {

struct Row {
  const char* name;
  std::string bytes;
  std::string expected;
};

TEST(EncodedWord, IsDecodedAsWellAsCanBe) {
  const Row rows[] = {
      {"nothing", "plain text", "plain text"},
      {"empty", "", ""},
      {"Q", "=?utf-8?Q?gr=C3=BCn_x?=", "gr\xC3\xBCn x"},
      {"B, lower case", "=?UTF-8?b?w6Q=?=", "\xC3\xA4"},
      {"latin 1", "=?ISO-8859-1?Q?=E4?= b", "\xC3\xA4 b"},
      {"language", "=?utf-8*de?Q?=C3=A4?=", "\xC3\xA4"},
      {"blanks between words go", "a =?utf-8?Q?b?= \r\n =?utf-8?Q?c?= d", "a bc d"},
      {"blanks beside text stay", "=?utf-8?Q?b?= x =?utf-8?Q?c?=", "b x c"},
      {"character over two words", "=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "\xC3\xA4"},
      {"character over B and Q", "=?utf-8?B?w+==?= =?UTF-8?Q?=A4?=", "\xC3\xA4"},
      {"base64 quantum over two words", "=?utf-8?B?w6?= =?utf-8?B?Q=?=", "\xC3\xA4"},
      {"two charsets", "=?iso-8859-1?Q?=E4?= =?utf-8?Q?=C3=A4?=", "\xC3\xA4\xC3\xA4"},
      {"blanks inside", "=?utf-8?Q?a b?=", "a b"},
      {"no padding", "=?utf-8?B?YQ?=", "a"},
      {"inside quotes", "\"=?utf-8?Q?a?=\"", "\"a\""},
      {"no blank around", "x=?utf-8?Q?a?=y", "xay"},
      {"broken hex", "=?utf-8?Q?=G1=4?=", "=G1=4"},
      {"broken UTF-8", "=?utf-8?Q?a=FFb?=",
       "a\xEF\xBF\xBD"
       "b"},
      {"unknown charset", "=?x-none?Q?=E4?=", "\xC3\xA4"},
      {"unknown encoding", "=?utf-8?X?a?=", "=?utf-8?X?a?="},
      {"never ends", "=?utf-8?Q?abc", "=?utf-8?Q?abc"},
      {"empty text",
       "a=?utf-8?Q?"
       "?=b",
       "ab"},
      {"marks only", "=?=?=?", "=?=?=?"},
      {"8-bit text", "\xE4 =?utf-8?Q?a?=", "\xC3\xA4 a"},
      {"line end smuggled in", "=?utf-8?Q?a=0D=0ABcc:_x=00?=", "a  Bcc: x "},
      {"ISO-2022-JP", "=?ISO-2022-JP?B?GyRCJCIbKEI=?=", "\xE3\x81\x82"},
      {"GB2312 beyond its set", "=?gb2312?B?hYE=?=", to_utf8("\x85\x81", "gb18030")},
  };
  for (const Row& row : rows) EXPECT_EQ(decode_encoded_words(row.bytes), row.expected) << row.name;
}

TEST(EncodedWord, IsWrittenInWordsOfAtMost75Octets) {
  const std::string values[] = {"plain",
                                "a \xC3\xA4 b \xC3\xB6 c",
                                "\xC3\xA4",
                                std::string(2000, 'x'),
                                "=?x",
                                "a  \xC3\xA4  \xC3\xA4  b",
                                "\xF0\x9F\x98\x80\xF0\x9F\x98\x80 \xE6\x97\xA5",
                                "\x01",
                                "tab\there \xC3\xA4"};
  for (const std::string& value : values) {
    std::string many;
    for (int i = 0; i < 20; ++i) many += value;
    for (const std::string& text : {value, many}) {
      std::string written = encode_words(text);
      EXPECT_EQ(decode_encoded_words(written), text);
      for (std::size_t at = 0; (at = written.find("=?utf-8?", at)) != std::string::npos;) {
        std::size_t end = written.find("?=", at + 10) + 2;
        EXPECT_LE(end - at, 75U);
        at = end;
      }
      for (char c : written) EXPECT_TRUE(c == '\t' || (c >= ' ' && c <= '~'));
    }
  }
  EXPECT_EQ(encode_words("plain <text>"), "plain <text>");
}

TEST(EncodedWord, StaysLinear) {
  for (const char* piece : {"=?", "=?a?Q?", "=?a?Q?b?=", "?=", "=?a?B?YQ==?= "}) {
    std::string value;
    while (value.size() < 200'000) value += piece;
    EXPECT_TRUE(is_valid_utf8(decode_encoded_words(value)));
  }
}

std::string describe(std::string_view raw) {
  ParameterizedValue value = parse_parameterized(raw);
  std::string text = value.value;
  for (const Parameter& parameter : value.parameters) text += "|" + parameter.name + "=" + parameter.value;
  return text;
}

TEST(Parameters, AreReadAsTheyAreMeant) {
  const Row rows[] = {
      {"none", " Text/Plain ", "text/plain"},
      {"token and quoted", "text/plain; Charset=UTF-8; Name=\"a;b\\\"c\"", "text/plain|charset=UTF-8|name=a;b\"c"},
      {"folds and comments", "text/plain (c);\r\n\tcharset (d) = (e) x (f); b=c", "text/plain|charset=x|b=c"},
      {"blanks without quotes", "attachment; filename=my file.pdf; x=y", "attachment|filename=my file.pdf|x=y"},
      {"empty ones", "a;; ;b=c;", "a|b=c"},
      {"without value", "a; b; c=d", "a|b=|c=d"},
      {"quote never closed", "a; b=\"c; d", "a|b=c; d"},
      {"the first counts", "a; b=1; b=2", "a|b=1"},
      {"RFC 2231", "a; t*=us-ascii'en-us'This%20is%20%2A%2A%2Afun", "a|t=This is ***fun"},
      {"RFC 2231 sections", "a; t*1*=%A4; t*0*=utf-8''%C3; t*2=\" b\"", "a|t=\xC3\xA4 b"},
      {"RFC 2231 gap", "a; t*0=x; t*2=z", "a|t=x"},
      {"RFC 2231 before plain", "a; t=plain; t*=utf-8''%C3%A4", "a|t=\xC3\xA4"},
      {"RFC 2231 without charset", "a; t*=%41", "a|t=A"},
      {"encoded word in a value", "a; name=\"=?utf-8?Q?=C3=A4?=\"", "a|name=\xC3\xA4"},
      {"8-bit value", "a; name=\"\xE4\"", "a|name=\xC3\xA4"},
      {"separator forgotten", "text/plain charset=x", "text/plain|charset=x"},
  };
  for (const Row& row : rows) EXPECT_EQ(describe(row.bytes), row.expected) << row.name;
  EXPECT_EQ(parse_parameterized("a; b=c").parameter("b"), "c");
  EXPECT_EQ(parse_parameterized("a; b=c").parameter("x"), "");
}

TEST(Parameters, StopAtTheLimit) {
  std::string value = "a";
  for (int i = 0; i < 100'000; ++i) value += "; n*" + std::to_string(i) + "*=%41";
  EXPECT_EQ(parse_parameterized(value).parameter("n").size(), ParseLimits().rfc2231_parameters);
}

TEST(Charset, ConvertsToValidUtf8Whatever) {
  EXPECT_EQ(to_utf8("\x80", "iso-8859-1"), "\xE2\x82\xAC");
  EXPECT_EQ(to_utf8("\xA4", "ISO-8859-15"), "\xE2\x82\xAC");
  EXPECT_EQ(to_utf8("\xC1\xC2", "koi8-r"), "\xD0\xB0\xD0\xB1");
  EXPECT_EQ(to_utf8("\xC3\xA4", "us-ascii"), "\xC3\xA4");
  EXPECT_EQ(to_utf8("\xE4", "us-ascii"), "\xC3\xA4");
  EXPECT_EQ(to_utf8("\xE4", "no-such-charset"), "\xC3\xA4");
  EXPECT_EQ(to_utf8("\xC3\xA4", "../../x"), "\xC3\xA4");
  EXPECT_EQ(to_utf8("\xC3\xA4", "utf-8//TRANSLIT"), "\xC3\xA4");
  EXPECT_EQ(to_utf8("\xC3\xA4", "\"UTF8\""), "\xC3\xA4");
  EXPECT_EQ(to_utf8("a\xFF\xC3", "utf-8"), "a\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(to_utf8(std::string_view("\0a", 2), "utf-16"), "a");
  EXPECT_EQ(to_utf8(std::string_view("\xFF\xFE"
                                     "a\0",
                                     4),
                    "utf-16"),
            "a");
  EXPECT_EQ(to_utf8("\x81", "cp949"), "\xEF\xBF\xBD");
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  for (const char* charset :
       {"", "utf-8", "us-ascii", "utf-7", "utf-16", "utf-32", "ucs-2", "iso-2022-jp", "iso-2022-kr", "gb18030", "big5",
        "euc-jp", "hz-gb-2312", "windows-1258", "tcvn", "unicode", "cp932", "x", "\xFF"}) {
    EXPECT_TRUE(is_valid_utf8(to_utf8(all, charset))) << charset;
  }
}

TEST(Charset, KnowsValidUtf8) {
  for (const char* good :
       {"", "a", "\xC2\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF", "abcdefgh\xC3\xA4"}) {
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF5", "\xC3", "\xE2\x82", "abcdefgh\xFF"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace mailstead::mail
