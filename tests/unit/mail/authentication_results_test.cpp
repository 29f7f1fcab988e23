#include "mail/authentication_results.h"

#include <gtest/gtest.h>

namespace mailstead::mail {
namespace {

// "server: method=result method=result", or "unreadable".
std::string read(std::string_view value) {
  const auto found = parse_authentication_results(value);
  if (!found) return "unreadable";
  std::string text = found->server + ':';
  for (const auto& one : found->results) text += ' ' + one.method + '=' + one.result;
  return text;
}

TEST(AuthenticationResults, AreReadAsServersWriteThem) {
  EXPECT_EQ(read(" example.org 1; none"), "example.org:");
  EXPECT_EQ(read("example.com; spf=pass smtp.mailfrom=example.net"), "example.com: spf=pass");
  EXPECT_EQ(
      read("mx.google.com;\r\n       dkim=pass header.i=@a.example header.s=s1 header.b=ab/cd+e=;\r\n"
           "       spf=neutral (google.com: 192.0.2.1 is neither permitted; nor denied) smtp.mailfrom=x@a.example;\r\n"
           "       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=a.example"),
      "mx.google.com: dkim=pass spf=neutral dmarc=fail");
  EXPECT_EQ(read("Example.COM/1 ; auth = PASS (cram-md5) smtp.auth=s@example.net ; dkim/1=fail"), "unreadable");
  EXPECT_EQ(read("Example.COM ; auth = PASS (cram-md5) smtp.auth=s@example.net ; dkim/1=fail"),
            "example.com: auth=pass dkim=fail");
  EXPECT_EQ(read("example.com"), "example.com:");
  EXPECT_EQ(read("(a (nested) one) example.com (x) 1 (y); spf=pass;"), "example.com: spf=pass");
}

TEST(AuthenticationResults, TakeNothingOutOfCommentsAndStrings) {
  EXPECT_EQ(read("a; spf=fail (x; dkim=pass); dmarc=fail reason=\"y; dmarc=pass\""), "a: spf=fail dmarc=fail");
  EXPECT_EQ(read("a; spf=fail smtp.mailfrom=\"b;dkim=pass \\\" ;arc=pass\"@c.example"), "a: spf=fail");
  EXPECT_EQ(read("a; spf=fail (open \\) ; dkim=pass"), "a: spf=fail");
  EXPECT_EQ(read("a; spf=fail reason=\"open ; dkim=pass"), "a: spf=fail");
  EXPECT_EQ(read("\"a b\"; spf=pass"), "a b: spf=pass");
}

TEST(AuthenticationResults, LeaveOutWhatCannotBeRead) {
  EXPECT_EQ(read(""), "unreadable");
  EXPECT_EQ(read("; spf=pass"), "unreadable");
  EXPECT_EQ(read("a 2; spf=pass"), "unreadable");
  EXPECT_EQ(read("a; spf; =pass; dkim=; dkim/2=pass; ; dmarc=pass"), "a: dmarc=pass");
  EXPECT_EQ(read("a; spf=pass dkim=pass"), "a: spf=pass") << "a property, no result of its own";
}

TEST(AuthenticationResults, HaveAnEnd) {
  std::string many = "a";
  for (int i = 0; i < 10'000; ++i) many += "; x=y";
  EXPECT_EQ(parse_authentication_results(many)->results.size(), kMaxAuthenticationResults);
  EXPECT_EQ(read("a; spf=pass " + std::string(1'000'000, '(')), "a: spf=pass");
}

}  // namespace
}  // namespace mailstead::mail
