// Our SCRAM client: the RFCs' own examples, GNU SASL's server, channel binding, and servers that lie.

#include "connectors/sasl/scram_client.h"

#include <gtest/gtest.h>

#include "connectors/sasl/gsasl_library.h"
#include "mail/failure.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

using connectors::ChannelBinding;
using mail::Failure;
using mail::Secret;

Secret pencil() {
  return Secret("pencil");
}

struct Example {
  std::string mechanism, nonce, server_first, client_final, server_final;
};

const std::vector<Example>& examples() {
  static const std::vector<Example> all{
      // RFC 5802 §5
      {"SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL",
       "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
       "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
       "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
      // RFC 7677 §3
      {"SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO",
       "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
       "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
       "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="}};
  return all;
}

TEST(Scram, SaysWhatTheRfcsSay) {
  for (const Example& example : examples()) {
    const auto client = make_scram(example.mechanism, "user", pencil(), std::nullopt, example.nonce);
    EXPECT_EQ(client->step(""), "n,,n=user,r=" + example.nonce);
    EXPECT_EQ(client->step(example.server_first), example.client_final);
    EXPECT_FALSE(client->complete());
    EXPECT_EQ(client->step(example.server_final), "");
    EXPECT_TRUE(client->complete());
  }
}

class GsaslServer : private PropertySource {
 public:
  explicit GsaslServer(const std::string& mechanism, ChannelBinding binding = {})
      : binding_(std::move(binding)), session_(start_server(mechanism.c_str(), *this)) {}
  StepResult take(const std::string& words) { return step(*session_, words); }

 private:
  int property(Gsasl_session* session, Gsasl_property wanted) noexcept override {
    const bool exporter = wanted == GSASL_CB_TLS_EXPORTER && binding_.type == "tls-exporter";
    const bool unique = wanted == GSASL_CB_TLS_UNIQUE && binding_.type == "tls-unique";
    if (wanted == GSASL_PASSWORD) return gsasl_property_set(session, wanted, "pencil");
    if (exporter || unique) return gsasl_property_set(session, wanted, mail::encode_base64(binding_.data).c_str());
    return GSASL_NO_CALLBACK;
  }
  ChannelBinding binding_;
  Session session_;
};

// "" when both sides are satisfied.
std::string play(ClientExchange& client, GsaslServer& server) {
  try {
    StepResult result = server.take(client.step(""));
    for (int i = 0; i < 5 && result.code == GSASL_NEEDS_MORE; ++i) result = server.take(client.step(result.output));
    if (result.code != GSASL_OK) return std::string("server: ") + gsasl_strerror_name(result.code);
    if (!client.complete()) (void)client.step(result.output);
    return client.complete() ? "" : "client: not complete";
  } catch (const Failure& failure) {
    return "client: " + failure.text();
  }
}

TEST(Scram, BindsToTheConnection) {
  const ChannelBinding exporter{"tls-exporter", std::string(32, '\x81')}, unique{"tls-unique", std::string(12, '\x7f')};
  for (const std::string& mechanism : {std::string("SCRAM-SHA-1-PLUS"), std::string("SCRAM-SHA-256-PLUS")})
    for (const ChannelBinding& binding : {exporter, unique}) {
      GsaslServer server(mechanism, binding);
      const auto client = make_scram(mechanism, "user", pencil(), binding);
      EXPECT_EQ(play(*client, server), "") << mechanism << ' ' << binding.type;
    }
}

TEST(Scram, AnotherConnectionIsRefused) {
  GsaslServer server("SCRAM-SHA-256-PLUS", {"tls-exporter", std::string(32, 'a')});
  const auto client =
      make_scram("SCRAM-SHA-256-PLUS", "user", pencil(), ChannelBinding{"tls-exporter", std::string(32, 'b')});
  EXPECT_NE(play(*client, server), "");
}

TEST(Scram, SaysThatItCouldHaveBoundWhenTheServerDidNotOfferIt) {
  const ChannelBinding binding{"tls-exporter", std::string(32, 'a')};
  const auto client = make_scram("SCRAM-SHA-256", "user", pencil(), binding);
  EXPECT_TRUE(client->step("").starts_with("y,,n=user,"));
  // A server without -PLUS takes it,
  GsaslServer without("SCRAM-SHA-256");
  EXPECT_EQ(play(*make_scram("SCRAM-SHA-256", "user", pencil(), binding), without), "");
  // one that had offered -PLUS sees that somebody took it away.
  GsaslServer with("SCRAM-SHA-256", binding);
  EXPECT_NE(play(*make_scram("SCRAM-SHA-256", "user", pencil(), binding), with), "");
}

TEST(Scram, DoesNotBindWithoutAConnection) {
  EXPECT_THROW((void)make_scram("SCRAM-SHA-256-PLUS", "user", pencil(), std::nullopt), Failure);
}

TEST(Scram, RefusesAServerThatLies) {
  const Example& example = examples()[1];
  const std::string nonce = example.nonce;
  for (const std::string& first :
       {std::string(), std::string("x"), "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        std::string("r=other,s=AAAA,i=4096"), "r=" + nonce + "x,s=,i=4096", "r=" + nonce + "x,s=!!,i=4096",
        "r=" + nonce + "x,s=AAAA", "r=" + nonce + "x,i=4096,s=AAAA", "m=ext,r=" + nonce + "x,s=AAAA,i=4096",
        "r=" + nonce + "x,s=AAAA,i=4095", "r=" + nonce + "x,s=AAAA,i=1000001", "r=" + nonce + "x,s=AAAA,i=-1",
        "r=" + nonce + "x,s=AAAA,i=4096x", "r=" + nonce + std::string(2000, 'x') + ",s=AAAA,i=4096",
        std::string("e=other-error"), std::string(20'000, 'r')}) {
    const auto client = make_scram(example.mechanism, "user", pencil(), std::nullopt, nonce);
    (void)client->step("");
    EXPECT_THROW((void)client->step(first), Failure) << first.substr(0, 80);
    EXPECT_THROW((void)client->step(example.server_first), Failure) << "and takes nothing more";
    EXPECT_FALSE(client->complete());
  }
  for (const std::string& final :
       {std::string(), std::string("v=AAAA"), std::string("v="), std::string("e=invalid-proof")}) {
    const auto client = make_scram(example.mechanism, "user", pencil(), std::nullopt, nonce);
    (void)client->step("");
    (void)client->step(example.server_first);
    EXPECT_THROW((void)client->step(final), Failure) << final;
    EXPECT_FALSE(client->complete());
  }
}

TEST(Scram, NamesAndPasswordsOfAnySize) {
  for (std::size_t size : {std::size_t{1}, std::size_t{6001}, std::size_t{1} << 20U}) {
    const auto client =
        make_scram("SCRAM-SHA-256", std::string(size, 'u'), Secret(std::string(size, 'p')), std::nullopt, "n");
    EXPECT_EQ(client->step("").size(), size + 3 + 2 + 4);
    EXPECT_FALSE(client->step("r=nx,s=AAAA,i=4096").empty());
  }
}

TEST(ChannelBindingChoice, BindsWhereItCanAndTellsWhereItCould) {
  Credentials credentials;
  std::string why;
  const std::vector<std::string> all{"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"};
  EXPECT_EQ(
      choose_mechanisms(all, credentials, true, false, why, true),
      (std::vector<std::string>{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}));
  EXPECT_EQ(choose_mechanisms(all, credentials, true, false, why, false),
            (std::vector<std::string>{"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}));
  credentials.mechanism = "scram-sha-256";
  EXPECT_EQ(choose_mechanisms(all, credentials, true, false, why, true),
            (std::vector<std::string>{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}));
  credentials.mechanism = "scram-sha-256-plus";
  EXPECT_TRUE(choose_mechanisms(all, credentials, true, false, why, false).empty());
  EXPECT_NE(why.find("nothing to bind to"), std::string::npos) << why;
  const ChannelBinding channel{"tls-exporter", "x"};
  EXPECT_TRUE(binding_for("SCRAM-SHA-256-PLUS", all, channel));
  EXPECT_FALSE(binding_for("SCRAM-SHA-256", all, channel)) << "the server knows that it offered one";
  EXPECT_TRUE(binding_for("SCRAM-SHA-256", std::vector<std::string>{"SCRAM-SHA-256"}, channel));
}

TEST(ShowsPassword, SaysWhichDo) {
  for (const char* name : {"PLAIN", "login", "XOAUTH2", "OAUTHBEARER", ""}) EXPECT_TRUE(shows_password(name)) << name;
  for (const char* name : {"SCRAM-SHA-1", "scram-sha-256-plus", "CRAM-MD5", "GSSAPI", "EXTERNAL"})
    EXPECT_FALSE(shows_password(name)) << name;
}

TEST(Bearer, KeepsTheServersReasons) {
  Credentials credentials;
  credentials.user = "alice";
  credentials.password = [] { return Secret("token"); };
  for (const char* mechanism : {"XOAUTH2", "OAUTHBEARER"}) {
    const auto exchange = make_exchange(mechanism, credentials, "imap", "imap.example.org");
    (void)exchange->step("");
    EXPECT_EQ(exchange->server_words(), "");
    EXPECT_EQ(exchange->step(R"({"status":"invalid_token","scope":"mail")"
                             "\x1b}"),
              mechanism == std::string("XOAUTH2") ? "" : "\1");
    EXPECT_EQ(exchange->server_words(), R"({"status":"invalid_token","scope":"mail"\x1B})");
  }
  const auto exchange = make_exchange("XOAUTH2", credentials, "imap", "h");
  (void)exchange->step("");
  (void)exchange->step(std::string(12'000, 'x'));
  EXPECT_LE(exchange->server_words().size(), 310U);
}

TEST(Gssapi, NeedsNoPasswordAndSaysWhatIsMissing) {
  ::setenv("KRB5CCNAME", "FILE:/nonexistent/ticket", 1);
  Credentials credentials;
  credentials.user = "alice";
  const auto exchange = make_exchange("GSSAPI", credentials, "imap", "localhost");
  EXPECT_TRUE(exchange->client_first());
  try {
    (void)exchange->step("");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), mail::FailureKind::kConfiguration) << failure.text();
    EXPECT_NE(failure.text().find("kinit"), std::string::npos) << failure.text();
  }
  ::unsetenv("KRB5CCNAME");
}

}  // namespace
}  // namespace mailstead::sasl
