#include "connectors/smtp/envelope.h"

#include <string>

#include <gtest/gtest.h>

namespace mailstead::smtp {
namespace {

TEST(SmtpEnvelope, TakesOnlyWhatIsOnePath) {
  for (const char* good :
       {"a@example.org", "a+b.c@example.org", "\"a b\"@example.org", "postmaster", "a@[192.0.2.1]"}) {
    EXPECT_TRUE(is_path(good)) << good;
  }
  const std::string bad[] = {"",
                             "a@example.org\r\nRCPT TO:<b@example.org>",
                             "a@example.org\nDATA",
                             "a\r@example.org",
                             std::string("a\0@example.org", 14),
                             "a\x7f@example.org",
                             "a@example.org> SIZE=1",
                             "<a@example.org>",
                             "a@example.org, b@example.org",
                             "\"a>b\"@example.org",
                             "a b@example.org",
                             std::string(65, 'x') + "@example.org",
                             "a@" + std::string(256, 'x')};
  for (const auto& address : bad) EXPECT_FALSE(is_path(address)) << ::testing::PrintToString(address);
}

TEST(SmtpEnvelope, NamesOnlyWhatIsOffered) {
  Extensions none, all;
  all.size = all.eight_bit_mime = all.smtp_utf8 = true;
  MailParameters plain{123, false, false}, full{123, true, true};
  EXPECT_EQ(mail_command("a@b.example", full, none), "MAIL FROM:<a@b.example>\r\n");
  EXPECT_EQ(mail_command("", plain, all), "MAIL FROM:<> SIZE=123\r\n");
  EXPECT_EQ(mail_command("a@b.example", full, all), "MAIL FROM:<a@b.example> SIZE=123 BODY=8BITMIME SMTPUTF8\r\n");
  EXPECT_EQ(recipient_command("a@b.example"), "RCPT TO:<a@b.example>\r\n");
}

}  // namespace
}  // namespace mailstead::smtp
