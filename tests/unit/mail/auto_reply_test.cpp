#include "mail/auto_reply.h"

#include "mail/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::mail {
namespace {

using testing::HasSubstr;
using testing::Not;

AutoReply sample(std::string_view original) {
  AutoReply reply;
  reply.from = "Alice <alice@example.org>";
  reply.to = "bob@example.net";
  reply.subject = "Auto: Grüße";
  reply.text = "I am away.\n.\nBack on Monday.";
  reply.original_header = original;
  reply.now = WallTime{std::chrono::seconds(1'800'000'000)};
  reply.host = "host.example.org";
  reply.unique_id = "reply.1";
  return reply;
}

TEST(AutoReply, IsAWholeMessageThatSaysWhatItIs) {
  const std::string text = build_auto_reply(sample("Message-ID: <1@x>\r\nReferences: <0@x>\r\n\r\n"));
  EXPECT_EQ(text,
            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nFrom: Alice <alice@example.org>\r\nTo: bob@example.net\r\n"
            "Subject: Auto: =?utf-8?B?R3LDvMOfZQ==?=\r\nMessage-ID: <reply.1@host.example.org>\r\n"
            "In-Reply-To: <1@x>\r\nReferences: <0@x> <1@x>\r\nAuto-Submitted: auto-replied (vacation)\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
            "I am away.\r\n.\r\nBack on Monday.\r\n");
}

TEST(AutoReply, TakesNothingFromAHeaderThatIsNoMessageId) {
  for (const char* original : {"", "Message-ID: none\r\n\r\n", "Message-ID: <a@b> <c@d>\r\nReferences: <x@y>\r\n\r\n",
                               "Message-ID: <\xff@b>\r\n\r\n"}) {
    const std::string text = build_auto_reply(sample(original));
    EXPECT_THAT(text, Not(HasSubstr("In-Reply-To"))) << original;
    EXPECT_THAT(text, Not(HasSubstr("References"))) << original;
  }
  EXPECT_THAT(build_auto_reply(sample("Message-ID: <1@x>\r\nIn-Reply-To: <0@x>\r\n\r\n")),
              HasSubstr("References: <0@x> <1@x>\r\n"));
}

TEST(AutoReply, EncodesWhatSevenBitsDoNotHold) {
  AutoReply reply = sample("");
  reply.text = "Ich bin im Grünen";
  EXPECT_THAT(build_auto_reply(reply), HasSubstr("quoted-printable\r\n\r\nIch bin im Gr=C3=BCnen\r\n"));
}

}  // namespace
}  // namespace mailstead::mail
