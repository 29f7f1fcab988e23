// Failed sign-ins cost time, and nobody learns anything before it is over.
#include "connectors/sasl/client.h"
#include "mail/transfer_encoding.h"
#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

using std::chrono::milliseconds;

class ImapSignIn : public ImapServer {
 protected:
  ImapSignIn() {
    door_.throttle = std::make_shared<sasl::Throttle>(clock_);
    rebuild();
  }
  Client from(const std::string& address) { return Client(make({address, false, true})); }
  // Until the client has its answer; how long that took.
  milliseconds sit_out(Client& client, std::string& said) {
    milliseconds all{0};
    while (client.paused().count() > 0) {
      all += client.paused();
      clock_.steady_ += client.paused();
      said += client.wake();
    }
    return all;
  }
};

TEST_F(ImapSignIn, HoldsTheAnswerAndHearsNothingMeanwhile) {
  Client client = from("192.0.2.1");
  std::string said = client.command("LOGIN alice wrong");
  EXPECT_EQ(client.paused(), milliseconds(0)) << "the first one is free";
  EXPECT_TRUE(said.starts_with("t NO [AUTHENTICATIONFAILED]")) << said;
  said = client.command("LOGIN alice wrong");
  EXPECT_EQ(said, "");
  EXPECT_NEAR(static_cast<double>(client.paused().count()), 1000, 1);
  clock_.steady_ += milliseconds(500);
  EXPECT_EQ(client.send("u NOOP\r\n"), "");
  EXPECT_NEAR(static_cast<double>(client.paused().count()), 500, 1);
  clock_.steady_ += milliseconds(501);
  said = client.wake();
  EXPECT_TRUE(said.starts_with("t NO [AUTHENTICATIONFAILED]")) << said;
  EXPECT_TRUE(Client::has(said, "u OK")) << said;
}

TEST_F(ImapSignIn, TheLastRefusalIsHeldWithItsFarewell) {
  Client client = from("192.0.2.1");
  std::string said;
  for (int i = 0; i < 2; ++i) {
    said = client.command("LOGIN alice wrong");
    sit_out(client, said);
  }
  said = client.command("LOGIN alice wrong");
  EXPECT_EQ(said, "");
  EXPECT_FALSE(client.closed());
  EXPECT_GT(sit_out(client, said), milliseconds(1000));
  EXPECT_TRUE(said.starts_with("* BYE")) << said;
  EXPECT_TRUE(client.closed());
}

TEST_F(ImapSignIn, AGoodPasswordIsToldNoSoonerThanABadOne) {
  for (const bool scram : {false, true}) {
    door_.throttle = std::make_shared<sasl::Throttle>(clock_);
    rebuild();
    for (int i = 0; i < 3; ++i) {
      Client guesser = from("192.0.2.1");
      std::string said = guesser.command("LOGIN alice wrong");
      sit_out(guesser, said);
    }
    Client client = from("192.0.2.1");
    std::string said;
    if (!scram) {
      said = client.command("LOGIN alice secret");
      EXPECT_EQ(said, "");
      EXPECT_GT(sit_out(client, said), milliseconds(1500));
      EXPECT_TRUE(Client::ok(said)) << said;
      continue;
    }
    sasl::Credentials credentials;
    credentials.user = "alice";
    credentials.password = [] { return mail::Secret("secret"); };
    const auto exchange = sasl::make_exchange("SCRAM-SHA-256", credentials, "imap", "h");
    said = client.command("AUTHENTICATE SCRAM-SHA-256 " + mail::encode_base64(exchange->step("")));
    ASSERT_TRUE(said.starts_with("+ ")) << said;
    EXPECT_EQ(client.paused(), milliseconds(0)) << "nothing is decided yet";
    const auto proof = exchange->step(*mail::decode_base64(said.substr(2, said.size() - 4)));
    said = client.send(mail::encode_base64(proof) + "\r\n");
    EXPECT_EQ(said, "") << "the server's signature would tell";
    EXPECT_GT(sit_out(client, said), milliseconds(1500));
    ASSERT_TRUE(said.starts_with("+ ")) << said;
    (void)exchange->step(*mail::decode_base64(said.substr(2, said.size() - 4)));
    EXPECT_TRUE(Client::ok(client.send("\r\n")));
  }
}

TEST_F(ImapSignIn, SaysLaterWhenTooManyAreHeldBackWhateverThePassword) {
  std::vector<Client> held;
  for (int i = 0; i < 20; ++i) {
    held.push_back(from("2001:db8::" + std::to_string(i)));
    (void)held.back().command("LOGIN user" + std::to_string(i) + " wrong");
  }
  for (const char* password : {"secret", "wrong"}) {
    Client late = from("2001:db8::ffff");
    const std::string said = late.command(std::string("LOGIN alice ") + password);
    EXPECT_TRUE(said.starts_with("t NO [UNAVAILABLE]")) << said;
  }
  Client other = from("2001:db8:0:1::1");
  std::string said = other.command("LOGIN alice secret");
  EXPECT_LE(sit_out(other, said), milliseconds(1000)) << "one failure of the name";
  EXPECT_TRUE(Client::ok(said)) << "another network";
}

TEST_F(ImapSignIn, OffersBindingAndCertificatesUnderTlsAlone) {
  starttls_ = true;
  rebuild();
  Client client(make({"192.0.2.1", false, false}));
  EXPECT_FALSE(Client::has(client.command("CAPABILITY"), "-PLUS"));
  EXPECT_TRUE(client.command("AUTHENTICATE SCRAM-SHA-256-PLUS").starts_with("t NO [PRIVACYREQUIRED]") ||
              client.command("AUTHENTICATE SCRAM-SHA-256-PLUS").starts_with("t NO [CANNOT]"));
  client.command("STARTTLS");
  net::TlsFacts facts;
  facts.bindings = {{"tls-exporter", std::string(32, 'e')}};
  facts.client_names = {"bob"};
  client.start_tls(facts);
  const std::string offered = client.command("CAPABILITY");
  for (const char* name : {"AUTH=SCRAM-SHA-256-PLUS", "AUTH=SCRAM-SHA-1-PLUS", "AUTH=EXTERNAL", "AUTH=PLAIN"})
    EXPECT_TRUE(Client::has(offered, name)) << offered;
  EXPECT_TRUE(client.command("AUTHENTICATE EXTERNAL " + mail::encode_base64("alice"))
                  .starts_with("t NO [AUTHENTICATIONFAILED]"));
  std::string said = client.command("AUTHENTICATE EXTERNAL =");
  sit_out(client, said);
  EXPECT_TRUE(Client::ok(said)) << said;
  EXPECT_TRUE(client.session().summary().starts_with("imap user=bob"));
}

TEST_F(ImapSignIn, AUserHasOnlySoManyConnections) {
  door_.most_per_user = 2;
  rebuild();
  Client first = signed_in(), second = signed_in();
  Client third = client();
  EXPECT_TRUE(third.command("LOGIN alice secret").starts_with("t NO [LIMIT]"));
  third.login("bob");
}

}  // namespace
}  // namespace mailstead::test
