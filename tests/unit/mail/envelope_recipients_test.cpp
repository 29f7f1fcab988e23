#include "mail/envelope_recipients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace mailstead::mail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> found(const std::string& header, const EnvelopeSource& source) {
  return envelope_recipients(HeaderBlock::parse(header), source);
}

EnvelopeSource by(std::vector<std::string> headers) {
  EnvelopeSource source;
  source.headers = std::move(headers);
  return source;
}

TEST(EnvelopeRecipients, PostfixWritesOneOriginalRecipient) {
  const std::string header =
      "Return-Path: <bounce@lists.example>\r\nX-Original-To: sales@example.org\r\nDelivered-To: "
      "store@mail.example.org\r\n"
      "Received: by mail.example.org (Postfix)\r\n\tid 4A2B; Mon,  2 Nov 2026 10:00:00 +0000 (UTC)\r\n"
      "To: undisclosed-recipients:;\r\nCc: carol@example.org\r\n\r\n";
  EXPECT_THAT(found(header, by({"X-Original-To"})), ElementsAre("sales@example.org"));
  EXPECT_THAT(found(header, by({"x-original-to", "Delivered-To"})), ElementsAre("sales@example.org"));
  EXPECT_THAT(found(header, by({"Envelope-To", "Delivered-To"})), ElementsAre("store@mail.example.org"));
}

TEST(EnvelopeRecipients, EximListsAllOfADelivery) {
  EXPECT_THAT(
      found("Envelope-to: alice@example.org, bob@example.org,\r\n alice@EXAMPLE.org\r\n\r\n", by({"Envelope-To"})),
      ElementsAre("alice@example.org", "bob@example.org"));
}

TEST(EnvelopeRecipients, QmailsPrefixIsTakenOffWhereItStands) {
  EnvelopeSource source = by({"Delivered-To"});
  source.strip_prefix = "mbox-userstr-";
  EXPECT_THAT(found("Delivered-To: mbox-userstr-alice@userhost.dom.example\r\n\r\n", source),
              ElementsAre("alice@userhost.dom.example"));
  EXPECT_THAT(found("Delivered-To: MBOX-Userstr-alice@userhost.dom.example\r\n\r\n", source),
              ElementsAre("alice@userhost.dom.example"));
  EXPECT_THAT(found("Delivered-To: alice@dom.example\r\n\r\n", source), ElementsAre("alice@dom.example"));
  EXPECT_THAT(found("Delivered-To: mbox-userstr-@dom.example\r\n\r\n", source), IsEmpty());
  EXPECT_THAT(found("Delivered-To: mbox-userstr-alice\r\n\r\n", source), ElementsAre("alice"));
}

TEST(EnvelopeRecipients, TheNthFieldCountsFromTheTop) {
  const std::string header =
      "Delivered-To: forwarded@local.example\r\nSubject: x\r\nDelivered-To: mbox-alice@isp.example\r\n\r\n";
  EnvelopeSource source = by({"Delivered-To"});
  EXPECT_THAT(found(header, source), ElementsAre("forwarded@local.example"));
  source.nth = 2;
  EXPECT_THAT(found(header, source), ElementsAre("mbox-alice@isp.example"));
  source.nth = 3;
  EXPECT_THAT(found(header, source), IsEmpty());
}

TEST(EnvelopeRecipients, AFieldWithoutAUsableAddressLeavesItToTheNext) {
  EnvelopeSource source = by({"X-Original-To", "Envelope-To"});
  EXPECT_THAT(found("X-Original-To: <>\r\nEnvelope-To: b@example.org\r\n\r\n", source), ElementsAre("b@example.org"));
  EXPECT_THAT(found("X-Original-To:\r\nEnvelope-To: b@example.org\r\n\r\n", source), ElementsAre("b@example.org"));
}

TEST(EnvelopeRecipients, NeverGuessesFromWhatTheSenderWrote) {
  EnvelopeSource source = by({"X-Original-To"});
  source.received = 1;
  EXPECT_THAT(found("To: alice@example.org\r\nCc: bob@example.org\r\nReceived: by x; Mon, 2 Nov 2026\r\n\r\n", source),
              IsEmpty());
}

struct ReceivedRow {
  const char* name;
  const char* value;
  const char* recipient;  // "" none
};
class EnvelopeReceived : public testing::TestWithParam<ReceivedRow> {};
TEST_P(EnvelopeReceived, ForClause) {
  EnvelopeSource source;
  source.received = 1;
  const auto recipients = found("Received: " + std::string(GetParam().value) + "\r\n\r\n", source);
  if (*GetParam().recipient == '\0') {
    EXPECT_THAT(recipients, IsEmpty());
  } else {
    EXPECT_THAT(recipients, ElementsAre(GetParam().recipient));
  }
}
constexpr ReceivedRow kReceived[] = {
    {"Sendmail",
     "from relay.example.net (relay.example.net [192.0.2.7])\r\n\tby mx.example.org (8.17.1/8.17.1) with ESMTPS id "
     "3A2Bc4D5\r\n\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384)\r\n\tfor <alice@example.org>; Mon, 2 Nov 2026 "
     "10:00:00 GMT\r\n\t(envelope-from bob@example.net)",
     "alice@example.org"},
    {"Postfix",
     "from a.example (a.example [192.0.2.1])\r\n\tby mx.example.org (Postfix) with ESMTPS id 4X\r\n\tfor "
     "<carol+list@example.org>; Mon,  2 Nov 2026 10:00:00 +0000 (UTC)",
     "carol+list@example.org"},
    {"EximWithoutBrackets",
     "from a.example by mx.example with esmtp (Exim 4.96) id 1r-2\r\n\tfor bob@example.org;\r\n\tMon",
     "bob@example.org"},
    {"FetchmailSingleDrop",
     "from pop.example by localhost with POP3 (fetchmail-6.4)\r\n\tfor <alice@localhost> "
     "(single-drop); Mon, 02 Nov 2026",
     "alice@localhost"},
    {"QuotedLocalPart", "by x for <\"for you\"@example.org>; d", "\"for you\"@example.org"},
    {"CommentInFront", "by x for (the boss) <a@example.org>; d", "a@example.org"},
    {"Qmail", "(qmail 4321 invoked by uid 0); 2 Nov 2026 10:00:00 -0000", ""},
    {"InAComment", "from x (for <forged@example.org>) by y; d", ""},
    {"BehindTheDate", "from x by y; Mon, 2 Nov 2026 for <forged@example.org>", ""},
    {"AsTheSendersName", "from for <forged@example.org> by mx with SMTP for <real@example.org>; d", "real@example.org"},
    {"AsTheSendersNameAlone", "from for by mx with SMTP; d", ""},
    {"HostCalledFor", "from a by for with SMTP for <real@example.org>; d", "real@example.org"},
    {"Nothing", "", ""},
    {"NothingBehind", "by x for ; d", ""},
    {"NeverClosed", "by x for <a@example.org", ""},
    {"NoAddress", "by x for some time; d", "some"},
    {"TooMuchWithoutBrackets", "by x for a@b with ESMTP; d", "a@b"},
};
INSTANTIATE_TEST_SUITE_P(Rows, EnvelopeReceived, testing::ValuesIn(kReceived),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(EnvelopeRecipients, OnlyTheNamedReceivedFieldIsLookedAt) {
  const std::string header =
      "Received: from mx by store with LMTP; d\r\nReceived: from far by mx for <sales@example.org>; d\r\nReceived: "
      "from x by far for <forged@example.org>; d\r\n\r\n";
  EnvelopeSource source;
  source.received = 1;
  EXPECT_THAT(found(header, source), IsEmpty());
  source.received = 2;
  EXPECT_THAT(found(header, source), ElementsAre("sales@example.org"));
}

TEST(EnvelopeRecipients, AHeaderComesBeforeReceived) {
  EnvelopeSource source = by({"X-Original-To"});
  source.received = 1;
  const std::string received = "Received: by x for <r@example.org>; d\r\n";
  EXPECT_THAT(found(received + "X-Original-To: h@example.org\r\n\r\n", source), ElementsAre("h@example.org"));
  EXPECT_THAT(found(received + "\r\n", source), ElementsAre("r@example.org"));
}

TEST(EnvelopeRecipients, GarbageIsLeftOutAndNeverAnAddress) {
  const std::string nul(1, '\0');
  const struct {
    std::string value;
    std::vector<std::string> recipients;
  } rows[] = {
      {"team: a@example.org, b@example.org;, c@example.org", {"a@example.org", "b@example.org", "c@example.org"}},
      {"a" + nul + "b@example.org", {}},
      {"\"a\\\rb\"@example.org", {}},
      {"a@example.org\r\n RCPT TO:<x@example.org>", {}},
      {"@,,;:<<>>(((", {}},
      {"<@route.example:a@example.org>", {"a@example.org"}},
      {"=?utf-8?q?a=0D=0ARCPT?=@example.org", {"=?utf-8?q?a=0D=0ARCPT?=@example.org"}},
      {std::string(65, 'l') + "@example.org", {}},
      {"a@" + std::string(256, 'd'), {}},
  };
  for (const auto& row : rows) {
    const auto recipients = found("X-Original-To: " + row.value + "\r\n\r\n", by({"X-Original-To"}));
    for (const auto& recipient : recipients)
      for (char c : recipient) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << testing::PrintToString(row.value);
    if (row.value.find("RCPT TO") == std::string::npos) {
      EXPECT_EQ(recipients, row.recipients) << testing::PrintToString(row.value);
    }
  }
}

TEST(EnvelopeRecipients, AHundredThousandAddressesAreBounded) {
  std::string value;
  for (int i = 0; i < 100'000; ++i) value += (i > 0 ? ",\r\n a" : "a") + std::to_string(i) + "@example.org";
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(found("X-Original-To: " + value + "\r\n\r\n", by({"X-Original-To"})).size(), kMaxEnvelopeRecipients);
  EnvelopeSource received;
  received.received = 1;
  EXPECT_THAT(found("Received: " + value + " for <a@b>\r\n\r\n", received), IsEmpty());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
}

}  // namespace
}  // namespace mailstead::mail
