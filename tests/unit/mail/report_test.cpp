#include "mail/report.h"

#include <gtest/gtest.h>

#include <string>

#include "mail/header.h"
#include "mail/scan.h"

namespace mailstead::mail {
namespace {

DeliveryReport sample() {
  DeliveryReport report;
  report.reporting_host = "mail.example";
  report.to = "alice@example.org";
  report.destination = "relay";
  report.arrived = WallTime(std::chrono::seconds(1'000'000'000));
  report.now = WallTime(std::chrono::seconds(1'000'003'600));
  report.unique_id = "42.abc";
  report.recipients = {{"bob@example.net", "5.1.1", "550 5.1.1 <bob@example.net>: no such user", "mx.example.net"}};
  report.original_header = "Subject: hello\r\nMessage-ID: <orig@x>\r\n\r\n";
  return report;
}

std::string part_body(const std::string& message, const Part& part) {
  return decoded_body(part, std::string_view(message).substr(part.body_offset, part.body_size));
}

void expect_sound(const std::string& message) {
  MessageFacts facts = scan_message(message);
  EXPECT_FALSE(facts.has_8bit);
  EXPECT_FALSE(facts.has_nul);
  EXPECT_FALSE(facts.has_bare_cr_or_lf);
  EXPECT_LE(facts.longest_line, 998U);
  ASSERT_EQ(facts.structure.children.size(), 3U);
  EXPECT_EQ(facts.structure.subtype, "report");
  EXPECT_EQ(decoded_parameter(facts.structure.parameters, "report-type"), "delivery-status");
  EXPECT_EQ(facts.structure.children[1].type + "/" + facts.structure.children[1].subtype, "message/delivery-status");
  EXPECT_EQ(facts.structure.children[2].type + "/" + facts.structure.children[2].subtype, "text/rfc822-headers");
}

TEST(DeliveryReport, IsAMultipartReport) {
  std::string message = build_report(sample());
  expect_sound(message);
  HeaderBlock header = HeaderBlock::parse(message);
  auto value = [&](std::string_view name) { return header.first(name) ? unfold(header.first(name)->value) : "-"; };
  EXPECT_EQ(value("From"), "Mailstead <MAILER-DAEMON@mail.example>");
  EXPECT_EQ(value("To"), "alice@example.org");
  EXPECT_EQ(value("Auto-Submitted"), "auto-replied");
  EXPECT_EQ(value("Message-ID"), "<42.abc@mail.example>");
  EXPECT_EQ(value("References"), "<orig@x>");
  EXPECT_EQ(value("Date"), "Sun, 09 Sep 2001 02:46:40 +0000");
  Part root = parse_structure(message);
  EXPECT_NE(part_body(message, root.children[0]).find("550 5.1.1 <bob@example.net>: no such user"), std::string::npos);
  EXPECT_EQ(part_body(message, root.children[1]),
            "Reporting-MTA: dns; mail.example\r\nArrival-Date: Sun, 09 Sep 2001 01:46:40 +0000\r\n\r\n"
            "Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; "
            "mx.example.net\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <bob@example.net>: no such user\r\n"
            "Last-Attempt-Date: Sun, 09 Sep 2001 02:46:40 +0000\r\n");
  EXPECT_EQ(part_body(message, root.children[2]), sample().original_header);
}

TEST(DeliveryReport, OfADelaySaysHowLongItGoesOn) {
  DeliveryReport report = sample();
  report.action = DeliveryReport::Action::kDelayed;
  report.retry_until = report.now + std::chrono::hours(24);
  report.others = 12;
  report.recipients[0].status = "";
  std::string message = build_report(report);
  expect_sound(message);
  EXPECT_NE(message.find("Subject: Delayed mail: "), std::string::npos);
  Part root = parse_structure(message);
  std::string status = part_body(message, root.children[1]);
  EXPECT_NE(status.find("Action: delayed\r\nStatus: 4.0.0\r\n"), std::string::npos) << status;
  EXPECT_NE(status.find("Will-Retry-Until: Mon, 10 Sep 2001 02:46:40 +0000\r\n"), std::string::npos) << status;
  std::string words = part_body(message, root.children[0]);
  EXPECT_NE(words.find("Mon, 10 Sep 2001"), std::string::npos) << words;
  EXPECT_NE(words.find("besides it: 12."), std::string::npos) << words;
}

TEST(DeliveryReport, LetsNothingForeignBreakOut) {
  DeliveryReport report = sample();
  std::string evil = "550 x\r\nStatus: 2.0.0\r\n\r\n--=_b\r\n\x1B[31m \xE2\x80\xAE \xFF \xC3\xA4" +
                     std::string("\0", 1) + std::string(5000, 'y');
  report.to = evil;
  report.destination = evil;
  report.reporting_host = evil;
  report.unique_id = evil;
  report.recipients = {{evil, evil, evil, evil}, {"j\xC3\xB6rg@x", "2.0.0", "refused", ""}};
  report.original_header = "Subject: \xC3\xA4\xFF\r\nX: " + std::string(3000, 'z') + "\r\nY: a\rb\r\nnot a field\r\n";
  std::string message = build_report(report);
  expect_sound(message);
  Part root = parse_structure(message);
  std::string status = part_body(message, root.children[1]);
  EXPECT_EQ(status.find("\r\nStatus: 2.0.0"), std::string::npos);
  EXPECT_NE(status.find("\r\nStatus: 5.0.0"), std::string::npos);
  EXPECT_NE(status.find("utf-8; j\\x{F6}rg@x"), std::string::npos);
  EXPECT_NE(status.find("x-mailstead; refused"), std::string::npos);
  EXPECT_EQ(part_body(message, root.children[0]).find('\x1B'), std::string::npos);
}

TEST(DeliveryReport, IsDefinedForEmptyParts) {
  expect_sound(build_report(DeliveryReport()));
}

TEST(DeliveryReport, QuotesNoEndlessHeader) {
  DeliveryReport report = sample();
  for (int i = 0; i < 40'000; ++i) report.original_header.insert(0, "Received: from somewhere by somewhere else\r\n");
  std::string message = build_report(report);
  expect_sound(message);
  EXPECT_LT(message.size(), 300'000U);
}

}  // namespace
}  // namespace mailstead::mail
