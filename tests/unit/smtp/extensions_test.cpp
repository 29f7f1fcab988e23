#include "connectors/smtp/extensions.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mailstead::smtp {
namespace {

Extensions parse(std::vector<std::string> lines) {
  lines.insert(lines.begin(), "mx.example.org greets you");
  return parse_extensions({250, std::move(lines)});
}

TEST(SmtpExtensions, ReadsWhatIsAnnounced) {
  auto found =
      parse({"PIPELINING", "SIZE 35882577", "8bitmime", "STARTTLS", "SMTPUTF8", "AUTH PLAIN login", "X-FOO 1"});
  EXPECT_TRUE(found.pipelining);
  EXPECT_TRUE(found.eight_bit_mime);
  EXPECT_TRUE(found.start_tls);
  EXPECT_TRUE(found.smtp_utf8);
  EXPECT_EQ(found.size_limit, 35882577U);
  EXPECT_EQ(found.mechanisms, (std::vector<std::string>{"PLAIN", "LOGIN"}));
  EXPECT_EQ(found.keywords.back(), "X-FOO");
}

TEST(SmtpExtensions, TakesNothingFromTheGreetingLine) {
  auto found = parse_extensions({250, {"PIPELINING"}});
  EXPECT_FALSE(found.pipelining);
  EXPECT_TRUE(found.keywords.empty());
}

TEST(SmtpExtensions, ReadsTheOldFormOfAuthOnce) {
  auto found = parse({"AUTH PLAIN", "AUTH=PLAIN LOGIN"});
  EXPECT_EQ(found.mechanisms, (std::vector<std::string>{"PLAIN", "LOGIN"}));
}

TEST(SmtpExtensions, TakesAnUnreadableSizeAsNone) {
  for (const char* line : {"SIZE", "SIZE x", "SIZE -1", "SIZE 12x", "SIZE 99999999999999999999999", "SIZE 0"}) {
    auto found = parse({line});
    EXPECT_TRUE(found.size) << line;
    EXPECT_EQ(found.size_limit, 0U) << line;
  }
}

TEST(SmtpExtensions, ShowsForeignWordsEscaped) {
  EXPECT_EQ(parse({"\x1b[31mX"}).keywords, std::vector<std::string>{"\\x1B[31MX"});
}

}  // namespace
}  // namespace mailstead::smtp
