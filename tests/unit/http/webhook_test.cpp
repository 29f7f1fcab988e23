#include "connectors/http/webhook.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "mail/transfer_encoding.h"
#include "tests/support/destination_contract.h"
#include "tests/unit/http/http_sink.h"

namespace mailstead::testing {
namespace {

using delivery::Reply;
using nlohmann::json;
using ::testing::HasSubstr;

http::WebhookSettings settings_for(std::uint16_t port, http::WebhookFormat format) {
  http::WebhookSettings settings;
  settings.url.tls = false;
  settings.url.host = settings.endpoint.host = "127.0.0.1";
  settings.url.port = settings.endpoint.port = port;
  settings.url.target = "/mail?from=here";
  settings.endpoint.tls = net::TlsMode::kNone;
  settings.endpoint.timeouts.command = settings.endpoint.timeouts.answer = std::chrono::seconds(20);
  settings.format = format;
  settings.name = "hook";
  settings.instance = "here";
  return settings;
}

template <http::WebhookFormat kFormat>
class WebhookSubject {
 public:
  const delivery::Destination& destination() {
    if (!webhook_) webhook_ = http::make_webhook(settings_for(broken_ ? 1 : sink_.port(), kFormat));
    return *webhook_;
  }
  std::vector<std::string> recipients() { return {"one@example.org", "two"}; }
  std::vector<std::string> arrived() {
    std::vector<std::string> texts;
    for (const auto& arrival : sink_.arrivals()) {
      if (kFormat == http::WebhookFormat::kRaw)
        texts.push_back(arrival.content);
      else
        texts.push_back(*mail::decode_base64(json::parse(arrival.content).at("message").get<std::string>()));
    }
    return texts;
  }
  void break_it() { broken_ = true; }

 private:
  HttpSink sink_;
  bool broken_ = false;
  std::unique_ptr<delivery::Destination> webhook_;
};

using Webhooks =
    ::testing::Types<WebhookSubject<http::WebhookFormat::kJson>, WebhookSubject<http::WebhookFormat::kRaw>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Webhook, DestinationContract, Webhooks);

const std::string kMessage =
    "From: =?utf-8?q?Bj=C3=B6rn?= <b@example.org>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\r\nbody \xff\r\n";

TEST(Webhook, TellsWhatIsKnownOfAMessage) {
  HttpSink sink;
  const auto webhook = http::make_webhook(settings_for(sink.port(), http::WebhookFormat::kJson));
  auto message = outgoing(kMessage, {"one@example.org"}, 17);
  message.answer_lost = true;
  message.flags.add("\\Flagged");
  EXPECT_EQ(webhook->open()->deliver(message, {}).answers.at(0).reply.line(), "200 OK: thank you");
  const auto arrived = sink.arrivals().at(0);
  EXPECT_EQ(arrived.target, "/mail?from=here");
  EXPECT_EQ(arrived.fields.at("content-type"), "application/json");
  EXPECT_THAT(arrived.fields.at("idempotency-key"), ::testing::MatchesRegex("here-17-[0-9a-f]{16}"));
  const json facts = json::parse(arrived.content);
  EXPECT_EQ(facts.at("from"), "Bj\u00f6rn <b@example.org>");
  EXPECT_EQ(facts.at("subject"), "Gr\u00fc\u00dfe");
  EXPECT_TRUE(facts.at("to").is_null());
  EXPECT_EQ(facts.at("received"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(facts.at("recipients"), json({"one@example.org"}));
  EXPECT_EQ(facts.at("flags"), json({"\\Flagged"}));
  EXPECT_EQ(facts.at("again"), true);
  EXPECT_EQ(facts.at("size"), kMessage.size());
}

TEST(Webhook, SignsAndSendsItsUsersFields) {
  HttpSink sink;
  auto settings = settings_for(sink.port(), http::WebhookFormat::kRaw);
  settings.secret = [] { return mail::Secret("key"); };
  settings.fields.emplace_back("Authorization", [] { return mail::Secret("Bearer t"); });
  const auto webhook = http::make_webhook(std::move(settings));
  EXPECT_FALSE(webhook->open()->deliver(outgoing(kMessage, {"\xc3\xa4@x", "b"}), {}).failure);
  const auto arrived = sink.arrivals().at(0);
  EXPECT_EQ(arrived.fields.at("authorization"), "Bearer t");
  EXPECT_EQ(arrived.fields.at("x-mailstead-sender"), "<sender@example.org>");
  EXPECT_EQ(arrived.fields.at("x-mailstead-recipients"), "??@x, b");
  EXPECT_EQ(arrived.fields.at("x-mailstead-signature"),
            http::webhook_signature(mail::Secret("key"), arrived.fields.at("x-mailstead-time"),
                                    [&](const http::Visit& visit) { visit(arrived.content); }));
}

TEST(Webhook, ANoticeIsWithoutTheMessage) {
  HttpSink sink;
  const auto webhook = http::make_webhook(settings_for(sink.port(), http::WebhookFormat::kNotice));
  EXPECT_FALSE(webhook->open()->deliver(outgoing(kMessage, {}, 3), {}).failure);
  const json facts = json::parse(sink.arrivals().at(0).content);
  EXPECT_EQ(facts.at("delivery"), 3);
  EXPECT_FALSE(facts.contains("message"));
}

// As "openssl dgst -sha256 -hmac Jefe" says of "1700000000.Subject: x\r\n\r\n".
TEST(Webhook, SignsByHmacSha256) {
  EXPECT_EQ(http::webhook_signature(mail::Secret("Jefe"), "1700000000",
                                    [](const http::Visit& visit) {
                                      visit("Subject: x\r\n");
                                      visit("\r\n");
                                    }),
            "sha256=6ef75dcbbfe8a328cac6b173cb6ff656df18479f336663642ec5c9cf7b8e2341");
}

TEST(Webhook, EachAnswerHasItsMeaning) {
  struct Row {
    int status;
    Reply::Kind kind;
    bool rests;
  };
  for (const Row& row : {Row{200, Reply::Kind::kAccepted, false}, Row{202, Reply::Kind::kAccepted, false},
                         Row{204, Reply::Kind::kAccepted, false}, Row{301, Reply::Kind::kTemporary, true},
                         Row{400, Reply::Kind::kPermanent, false}, Row{401, Reply::Kind::kTemporary, true},
                         Row{403, Reply::Kind::kTemporary, true}, Row{404, Reply::Kind::kTemporary, true},
                         Row{408, Reply::Kind::kTemporary, false}, Row{410, Reply::Kind::kPermanent, false},
                         Row{413, Reply::Kind::kPermanent, false}, Row{422, Reply::Kind::kPermanent, false},
                         Row{429, Reply::Kind::kTemporary, true}, Row{500, Reply::Kind::kTemporary, false},
                         Row{503, Reply::Kind::kTemporary, true}}) {
    HttpSink sink;
    sink.answer = [&](const HttpArrival&) {
      return std::pair(row.status, std::string(row.status == 204 ? ""
                                                                 : "be\x1b"
                                                                   "cause"));
    };
    const auto webhook = http::make_webhook(settings_for(sink.port(), http::WebhookFormat::kJson));
    const auto result = webhook->open()->deliver(outgoing(kMessage, {}), {});
    ASSERT_EQ(result.answers.size(), 1U);
    EXPECT_EQ(result.answers[0].reply.kind, row.kind) << row.status;
    EXPECT_EQ(result.answers[0].reply.code, row.status);
    EXPECT_EQ(result.failure.has_value(), row.rests) << row.status;
    EXPECT_FALSE(result.answer_lost());
    if (row.status == 204) continue;
    EXPECT_THAT(result.answers[0].reply.text, HasSubstr("be\\x1Bcause"));
  }
}

TEST(Webhook, UsesOneConnectionForSeveral) {
  HttpSink sink;
  const auto webhook = http::make_webhook(settings_for(sink.port(), http::WebhookFormat::kRaw));
  const auto transport = webhook->open();
  for (int i = 1; i <= 5; ++i) EXPECT_FALSE(transport->deliver(outgoing(kMessage, {}, i), {}).failure);
  EXPECT_TRUE(transport->worth_keeping());
  EXPECT_EQ(sink.connections(), 1);
}

TEST(Webhook, ProbesBeforeItsFirstMessage) {
  HttpSink sink;
  sink.answer = [](const HttpArrival& arrival) {
    return std::pair(arrival.method == "OPTIONS" ? 401 : 200, std::string("who?"));
  };
  const auto webhook = http::make_webhook(settings_for(sink.port(), http::WebhookFormat::kRaw));
  try {
    (void)webhook->probe({});
    FAIL();
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.kind(), mail::FailureKind::kAuthentication);
    EXPECT_THAT(failure.text(), HasSubstr("401"));
  }
}

}  // namespace
}  // namespace mailstead::testing
