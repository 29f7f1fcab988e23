// Our client half against our server half, and both against peers that do not play by the rules.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "connectors/sasl/client.h"
#include "connectors/sasl/scram_server.h"
#include "connectors/sasl/server.h"
#include "mail/failure.h"
#include "mail/limits.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

using State = ServerExchange::State;
using mail::Failure;
using mail::FailureKind;

constexpr std::string_view kPassword = "pencil and paper";

const ScramKeys& alice_keys() {
  static const ScramKeys keys = make_keys(mail::Secret(std::string(kPassword)), 4096);
  return keys;
}

KeyLookup one_user(std::string name = "alice") {
  return [name](const std::string& user) -> std::optional<ScramKeys> {
    if (user != name) return std::nullopt;
    return alice_keys();
  };
}

Credentials credentials(std::string user = "alice", std::string_view password = kPassword) {
  Credentials result;
  result.user = std::move(user);
  result.password = [text = std::string(password)] { return mail::Secret(text); };
  return result;
}

struct Outcome {
  State state = State::kContinue;
  std::string user;
  bool client_complete = false;
  bool client_refused = false;
  int round_trips = 0;
};

// Plays both halves as a line protocol would; with `initial` the client's first words go along.
Outcome play(ClientExchange& client, ServerExchange& server, bool initial) {
  Outcome outcome;
  std::optional<std::string> response;
  std::string challenge;
  try {
    if (client.client_first() && initial) response = client.step("");
    for (; outcome.round_trips < 10; ++outcome.round_trips) {
      outcome.state = server.step(response ? std::optional<std::string_view>(*response) : std::nullopt, challenge);
      if (outcome.state != State::kContinue) break;
      // After SCRAM's last word there is nothing to answer but "".
      response = client.complete() ? std::string() : client.step(challenge);
    }
  } catch (const Failure& failure) {
    if (failure.kind() != FailureKind::kAuthentication) throw;
    outcome.client_refused = true;
  }
  outcome.user = server.identity().user;
  outcome.client_complete = client.complete();
  return outcome;
}

struct CommonMechanism {
  std::string name;
  std::string id;
};

class Exchange : public ::testing::TestWithParam<CommonMechanism> {};

TEST_P(Exchange, SignsInWithTheRightPassword) {
  for (const bool initial : {true, false}) {
    auto client = make_exchange(GetParam().id, credentials(), "imap", "localhost");
    auto server = make_server_exchange(GetParam().id, one_user());
    const Outcome outcome = play(*client, *server, initial);
    EXPECT_EQ(outcome.state, State::kSuccess) << "initial response: " << initial;
    EXPECT_EQ(outcome.user, "alice");
    EXPECT_TRUE(outcome.client_complete);
  }
}

TEST_P(Exchange, TakesAnyOfAUsersPasswordsAndTellsWhich) {
  UserKeys keys(alice_keys());
  keys.app_passwords = {{"phone", make_keys_beside(alice_keys(), mail::Secret("one"))},
                        {"foreign", make_keys(mail::Secret("salted otherwise"), 4096)},
                        {"desk", make_keys_beside(alice_keys(), mail::Secret("two"))}};
  const auto lookup = [&](const std::string&) { return std::optional(keys); };
  struct Row {
    std::string_view password;
    std::string app_password;
    bool fits = true;
  };
  for (const Row& row : {Row{kPassword, ""}, Row{"one", "phone"}, Row{"two", "desk"},
                         Row{"salted otherwise", "", false}, Row{"three", "", false}}) {
    auto client = make_exchange(GetParam().id, credentials("alice", row.password), "imap", "localhost");
    auto server = make_server_exchange(GetParam().id, lookup);
    EXPECT_EQ(play(*client, *server, true).state, row.fits ? State::kSuccess : State::kFailed) << row.password;
    EXPECT_EQ(server->identity().app_password, row.app_password) << row.password;
  }
}

TEST_P(Exchange, RefusesAWrongPassword) {
  auto client = make_exchange(GetParam().id, credentials("alice", "pencil"), "imap", "localhost");
  auto server = make_server_exchange(GetParam().id, one_user());
  const Outcome outcome = play(*client, *server, true);
  EXPECT_EQ(outcome.state, State::kFailed);
  EXPECT_EQ(outcome.user, "");
}

TEST_P(Exchange, RefusesAnUnknownUserAfterTheSameSteps) {
  auto known = make_exchange(GetParam().id, credentials("alice", "wrong"), "imap", "localhost");
  auto unknown = make_exchange(GetParam().id, credentials("bob"), "imap", "localhost");
  auto server = make_server_exchange(GetParam().id, one_user());
  auto other = make_server_exchange(GetParam().id, one_user());
  const Outcome of_known = play(*known, *server, true);
  const Outcome of_unknown = play(*unknown, *other, true);
  EXPECT_EQ(of_unknown.state, State::kFailed);
  EXPECT_EQ(of_unknown.user, "");
  EXPECT_EQ(of_unknown.round_trips, of_known.round_trips);
}

TEST_P(Exchange, TakesNamesAndPasswordsBeyondAscii) {
  const std::string user = "zo\xc3\xab,=x";
  const std::string password = "p\xc3\xa4ss\xc2\xa0word";  // with a no-break space, which SASLprep maps to a blank
  const ScramKeys keys = make_keys(mail::Secret(password), 4096);
  auto client = make_exchange(GetParam().id, credentials(user, password), "imap", "localhost");
  auto server = make_server_exchange(GetParam().id, [&](const std::string& name) -> std::optional<ScramKeys> {
    return name == user ? std::optional(keys) : std::nullopt;
  });
  const Outcome outcome = play(*client, *server, true);
  EXPECT_EQ(outcome.state, State::kSuccess);
  EXPECT_EQ(outcome.user, user);
}

TEST_P(Exchange, CarriesLongPasswords) {
  const std::string password(4000, 'x');
  const ScramKeys keys = make_keys(mail::Secret(password), 4096);
  auto client = make_exchange(GetParam().id, credentials("alice", password), "imap", "localhost");
  auto server = make_server_exchange(GetParam().id, [&](const std::string&) { return std::optional(keys); });
  EXPECT_EQ(play(*client, *server, true).state, State::kSuccess);
}

TEST_P(Exchange, ServerRefusesOversizedResponses) {
  auto server = make_server_exchange(GetParam().id, one_user());
  std::string challenge;
  EXPECT_EQ(server->step(std::string(mail::kMaxSaslMessage + 1, 'a'), challenge), State::kFailed);
  EXPECT_EQ(server->step("", challenge), State::kFailed) << "a failed exchange stays failed";
}

TEST_P(Exchange, ClientRefusesOversizedChallenges) {
  auto client = make_exchange(GetParam().id, credentials(), "imap", "localhost");
  if (client->client_first()) (void)client->step("");
  EXPECT_THROW((void)client->step(std::string(mail::kMaxSaslMessage + 1, 'a')), Failure);
}

TEST_P(Exchange, EveryTruncationOfTheClientsWordsIsRefused) {
  auto probe = make_exchange(GetParam().id, credentials(), "imap", "localhost");
  if (!probe->client_first()) return;
  const std::string whole = probe->step("");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    auto server = make_server_exchange(GetParam().id, one_user());
    std::string challenge;
    EXPECT_NE(server->step(whole.substr(0, length), challenge), State::kSuccess) << length;
  }
}

TEST_P(Exchange, LookupTroubleReachesTheCaller) {
  auto client = make_exchange(GetParam().id, credentials(), "imap", "localhost");
  auto server = make_server_exchange(GetParam().id, [](const std::string&) -> std::optional<ScramKeys> {
    throw Failure(FailureKind::kStorage, mail::FailureScope::kProcess, "disk");
  });
  try {
    (void)play(*client, *server, true);
    FAIL() << "no failure";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kStorage);
  } catch (...) {
    FAIL() << "another exception";
  }
}

INSTANTIATE_TEST_SUITE_P(Common, Exchange,
                         ::testing::Values(CommonMechanism{"Plain", "PLAIN"}, CommonMechanism{"Login", "LOGIN"},
                                           CommonMechanism{"ScramSha1", "SCRAM-SHA-1"},
                                           CommonMechanism{"ScramSha256", "SCRAM-SHA-256"}),
                         [](const auto& row) { return row.param.name; });

TEST(ServerExchange, KnowsItsMechanismsInAnyCase) {
  EXPECT_NE(make_server_exchange("scram-sha-256", one_user()), nullptr);
  EXPECT_NE(make_server_exchange("Plain", one_user()), nullptr);
  EXPECT_EQ(make_server_exchange("CRAM-MD5", one_user()), nullptr);
  EXPECT_EQ(make_server_exchange("", one_user()), nullptr);
  EXPECT_EQ(server_mechanisms({}), (std::vector<std::string>{"SCRAM-SHA-256", "SCRAM-SHA-1"}));
  EXPECT_EQ(server_mechanisms({.cleartext = true}),
            (std::vector<std::string>{"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"}));
}

TEST(ServerExchange, PlainMayNameItselfButNobodyElse) {
  using namespace std::string_literals;
  std::string challenge;
  const std::string tail = "\0alice\0"s + std::string(kPassword);
  EXPECT_EQ(make_server_exchange("PLAIN", one_user())->step("alice" + tail, challenge), State::kSuccess);
  EXPECT_EQ(make_server_exchange("PLAIN", one_user())->step("bob" + tail, challenge), State::kFailed);
  EXPECT_EQ(make_server_exchange("PLAIN", one_user())->step(tail + "\0x"s, challenge), State::kFailed);
}

TEST(ServerExchange, LoginAsksInTheWordsClientsExpect) {
  auto server = make_server_exchange("LOGIN", one_user());
  std::string challenge;
  EXPECT_EQ(server->step(std::nullopt, challenge), State::kContinue);
  EXPECT_EQ(challenge, "Username:");
  EXPECT_EQ(server->step("alice", challenge), State::kContinue);
  EXPECT_EQ(challenge, "Password:");
  EXPECT_EQ(server->step(kPassword, challenge), State::kSuccess);
  EXPECT_EQ(server->step(kPassword, challenge), State::kFailed) << "nothing comes after the end";
}

TEST(ServerExchange, UnknownNamesGetTheSameScramSaltEachTime) {
  const auto salt_of = [](const std::string& user) {
    auto server = make_server_exchange("SCRAM-SHA-256", one_user());
    std::string challenge;
    EXPECT_EQ(server->step("n,,n=" + user + ",r=abcdefgh", challenge), State::kContinue);
    return challenge.substr(challenge.find(",s="));
  };
  EXPECT_EQ(salt_of("bob"), salt_of("bob"));
  EXPECT_NE(salt_of("bob"), salt_of("carol"));
}

// RFC 5802 §5 and RFC 7677 §3, the server's side of the examples.
TEST(ServerExchange, SaysWhatTheRfcsSay) {
  struct Example {
    std::string mechanism, nonce, salt, first, ours, last, signature;
  };
  for (const Example& example :
       {Example{"SCRAM-SHA-1", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
        Example{"SCRAM-SHA-256", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                "W22ZaJ0SNY7soEsUEjb6gQ==", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="}}) {
    const ScramKeys keys =
        make_keys_beside({4096, mail::decode_base64(example.salt).value_or(""), {}, {}}, mail::Secret("pencil"));
    const auto server = make_scram_server(
        example.mechanism, [&](const std::string&) { return std::optional(keys); },
        std::vector<connectors::ChannelBinding>{}, example.nonce);
    std::string challenge;
    EXPECT_EQ(server->step(example.first, challenge), State::kContinue);
    EXPECT_EQ(challenge, example.ours);
    EXPECT_EQ(server->step(example.last, challenge), State::kContinue);
    EXPECT_EQ(challenge, example.signature);
    EXPECT_EQ(server->step("", challenge), State::kSuccess);
    EXPECT_EQ(server->identity().user, "user");
  }
}

TEST(ServerExchange, ScramRefusesFirstMessagesThatAreNone) {
  for (const char* first :
       {"", "n", "n,", "n,,", "n,,n=alice", "n,,r=abc,n=alice", "n,,n=,r=abc", "n,,n=alice,r=", "x,,n=alice,r=abc",
        "n,a=bob", "n,b=bob,n=alice,r=abc", "n,,m=ext,n=alice,r=abc", "n,,n=a=2Zb,r=abc", "n,,n=a=,r=abc",
        "n,a==,n=alice,r=abc", "p=tls-unique,,n=alice,r=abc", "n,,n=alice,r=a b", ",,n=alice,r=abc"}) {
    auto server = make_server_exchange("SCRAM-SHA-256", one_user());
    std::string challenge;
    EXPECT_EQ(server->step(first, challenge), State::kFailed) << first;
    EXPECT_EQ(challenge, "");
  }
  auto server = make_server_exchange("SCRAM-SHA-256", one_user());
  std::string challenge;
  EXPECT_EQ(server->step("n,,n=alice,r=" + std::string(2000, 'x'), challenge), State::kFailed) << "a long nonce";
}

TEST(ServerExchange, ScramLetsNobodyActAsAnother) {
  for (const char* other : {"alice", "bob"}) {
    auto client = make_exchange("SCRAM-SHA-256", credentials(), "imap", "localhost");
    const std::string first = client->step("");
    auto server = make_server_exchange("SCRAM-SHA-256", one_user());
    std::string challenge;
    ASSERT_EQ(server->step("n,a=" + std::string(other) + first.substr(2), challenge), State::kContinue);
    const std::string last = client->step(challenge);
    // The client's proof covers its own header; the one that was sent is refused in either case.
    EXPECT_EQ(server->step(last, challenge), State::kFailed) << other;
  }
}

std::vector<connectors::ChannelBinding> three_bindings() {
  return {{"tls-exporter", std::string(32, 'e')},
          {"tls-unique", std::string(12, 'u')},
          {"tls-server-end-point", std::string(32, 's')}};
}

TEST(ServerExchange, BindsScramToAnyOfTheConnectionsBindings) {
  for (const std::string mechanism : {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"})
    for (const auto& binding : three_bindings()) {
      auto client = make_exchange(mechanism, credentials(), "imap", "h", binding);
      auto server = make_server_exchange(mechanism, one_user(), {.bindings = three_bindings()});
      ASSERT_NE(server, nullptr);
      EXPECT_EQ(play(*client, *server, true).state, State::kSuccess) << mechanism << binding.type;
      auto between = make_exchange(mechanism, credentials(), "imap", "h",
                                   connectors::ChannelBinding{binding.type, "another connection's"});
      server = make_server_exchange(mechanism, one_user(), {.bindings = three_bindings()});
      EXPECT_EQ(play(*between, *server, true).state, State::kFailed) << mechanism << binding.type;
    }
  auto client =
      make_exchange("SCRAM-SHA-256-PLUS", credentials(), "imap", "h", connectors::ChannelBinding{"tls-telepathy", "x"});
  auto server = make_server_exchange("SCRAM-SHA-256-PLUS", one_user(), {.bindings = three_bindings()});
  EXPECT_EQ(play(*client, *server, true).state, State::kFailed) << "a type that is not known";
  server = make_server_exchange("SCRAM-SHA-256-PLUS", one_user(), {.bindings = three_bindings()});
  std::string challenge;
  EXPECT_EQ(server->step("n,,n=alice,r=abc", challenge), State::kFailed) << "-PLUS without binding";
}

TEST(ServerExchange, NoticesThatItsPlusWasTakenOutOfTheOffer) {
  const connectors::ChannelBinding could{"tls-exporter", std::string(32, 'e')};
  auto client = make_exchange("SCRAM-SHA-256", credentials(), "imap", "h", could);
  auto server = make_server_exchange("SCRAM-SHA-256", one_user(), {.bindings = three_bindings()});
  EXPECT_EQ(play(*client, *server, true).state, State::kFailed);
  // Without TLS we offered none: the client is right.
  client = make_exchange("SCRAM-SHA-256", credentials(), "imap", "h", could);
  server = make_server_exchange("SCRAM-SHA-256", one_user());
  EXPECT_EQ(play(*client, *server, true).state, State::kSuccess);
  // A client that cannot bind at all is served.
  client = make_exchange("SCRAM-SHA-256", credentials(), "imap", "h");
  server = make_server_exchange("SCRAM-SHA-256", one_user(), {.bindings = three_bindings()});
  EXPECT_EQ(play(*client, *server, true).state, State::kSuccess);
}

TEST(ServerExchange, OffersWhatTheConnectionHas) {
  EXPECT_EQ(server_mechanisms({.cleartext = true, .bindings = three_bindings(), .certificate_names = {"alice"}}),
            (std::vector<std::string>{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1",
                                      "EXTERNAL", "PLAIN", "LOGIN"}));
  EXPECT_EQ(make_server_exchange("SCRAM-SHA-256-PLUS", one_user()), nullptr);
  EXPECT_EQ(make_server_exchange("EXTERNAL", one_user()), nullptr);
  EXPECT_EQ(make_server_exchange("PLAIN", one_user(), {}), nullptr);
}

TEST(ServerExchange, ExternalTakesWhomTheCertificateNames) {
  struct Row {
    const char* what;
    std::vector<std::string> names;
    std::optional<std::string> response;
    bool good;
  };
  for (const Row& row :
       {Row{"itself", {"alice"}, "", true}, Row{"by name", {"alice"}, "alice", true},
        Row{"another", {"alice"}, "bob", false}, Row{"no user", {"bob"}, "", false},
        Row{"no user by name", {"bob"}, "bob", false}, Row{"the second", {"bob", "alice"}, "", true},
        Row{"the wrong one of two", {"bob", "alice"}, "bob", false}, Row{"nothing said", {"alice"}, std::nullopt, true},
        Row{"NUL", {"alice"}, std::string("alice\0", 6), false}}) {
    auto server = make_server_exchange("EXTERNAL", one_user(), {.certificate_names = row.names});
    ASSERT_NE(server, nullptr);
    std::string challenge;
    State state = server->step(row.response ? std::optional<std::string_view>(*row.response) : std::nullopt, challenge);
    if (!row.response) {
      EXPECT_EQ(state, State::kContinue);
      EXPECT_FALSE(server->decided());
      state = server->step("", challenge);
    }
    EXPECT_EQ(state, row.good ? State::kSuccess : State::kFailed) << row.what;
    EXPECT_TRUE(server->decided());
    EXPECT_EQ(server->identity().user, row.good ? "alice" : "") << row.what;
    EXPECT_EQ(server->step("", challenge), State::kFailed) << "nothing comes after the end";
  }
}

// A client's proof must not be replaced: each octet of the last message matters.
TEST(ServerExchange, ScramRefusesAnAlteredProof) {
  auto client = make_exchange("SCRAM-SHA-256", credentials(), "imap", "localhost");
  auto server = make_server_exchange("SCRAM-SHA-256", one_user());
  std::string challenge;
  ASSERT_EQ(server->step(client->step(""), challenge), State::kContinue);
  std::string last = client->step(challenge);
  last[last.size() - 10] = last[last.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(server->step(last, challenge), State::kFailed);
}

TEST(ServerExchange, SurvivesGarbage) {
  std::mt19937 random(7);
  const auto octet = [&] { return static_cast<char>(random() & 0xffU); };
  const std::string alphabet = std::string("nyrpsicv=,,,\0abcAB0129+/", 24);
  for (int i = 0; i < 10'000; ++i) {
    const char* mechanism = i % 3 == 0 ? "PLAIN" : i % 3 == 1 ? "LOGIN" : "SCRAM-SHA-256";
    // A cheap lookup: what is under test is the parsing.
    auto server = make_server_exchange(mechanism, [](const std::string&) -> std::optional<ScramKeys> {
      throw Failure(FailureKind::kTemporary, mail::FailureScope::kProcess, "asked");
    });
    std::string challenge;
    try {
      for (int step = 0; step < 4; ++step) {
        std::string garbage(random() % 80, ' ');
        for (char& c : garbage) c = i % 2 == 0 ? octet() : alphabet[random() % alphabet.size()];
        ASSERT_NE(server->step(garbage, challenge), State::kSuccess);
      }
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.text(), "asked");
    }
  }
}

TEST(ClientExchange, SurvivesGarbageChallenges) {
  std::mt19937 random(11);
  const std::string alphabet = std::string("rsive=,,,\0abcAB0129+/", 21);
  const std::vector<std::string> mechanisms{"PLAIN",         "LOGIN",   "CRAM-MD5",    "SCRAM-SHA-1",
                                            "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER", "EXTERNAL"};
  for (int i = 0; i < 10'000; ++i) {
    auto client = make_exchange(mechanisms[static_cast<std::size_t>(i) % mechanisms.size()], credentials(), "pop", "h");
    try {
      if (client->client_first()) (void)client->step("");
      for (int step = 0; step < 4; ++step) {
        std::string garbage(random() % 80, ' ');
        for (char& c : garbage)
          c = i % 2 == 0 ? static_cast<char>(random() & 0xffU) : alphabet[random() % alphabet.size()];
        (void)client->step(garbage);
      }
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kAuthentication) << failure.text();
    }
  }
}

TEST(ClientExchange, BoundsScramIterations) {
  struct Row {
    const char* count;
    bool accepted;
  };
  for (const Row row : {Row{"4096", true},
                        {"4095", false},
                        {"1", false},
                        {"0", false},
                        {"-1", false},
                        {"", false},
                        {"1000001", false},
                        {"4294967296", false},
                        {"99999999999999999999", false},
                        {"5000x", false}}) {
    auto client = make_exchange("SCRAM-SHA-256", credentials(), "imap", "localhost");
    const std::string first = client->step("");
    const std::string nonce = first.substr(first.find("r=") + 2);
    const std::string challenge = "r=" + nonce + "more,s=c2FsdHNhbHQ=,i=" + row.count;
    if (row.accepted)
      EXPECT_NO_THROW((void)client->step(challenge)) << row.count;
    else
      EXPECT_THROW((void)client->step(challenge), Failure) << row.count;
  }
}

TEST(ClientExchange, RefusesAServerThatDoesNotKnowThePassword) {
  for (const char* signature : {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=", "e=other-error", "", "x"}) {
    auto client = make_exchange("SCRAM-SHA-256", credentials(), "imap", "localhost");
    const std::string first = client->step("");
    (void)client->step("r=" + first.substr(first.find("r=") + 2) + "more,s=c2FsdHNhbHQ=,i=4096");
    EXPECT_FALSE(client->complete());
    EXPECT_THROW((void)client->step(signature), Failure) << signature;
    EXPECT_FALSE(client->complete());
    EXPECT_THROW((void)client->step(signature), Failure) << "and nothing follows";
  }
}

TEST(ClientExchange, RefusesANonceThatIsNotItsOwn) {
  auto client = make_exchange("SCRAM-SHA-256", credentials(), "imap", "localhost");
  (void)client->step("");
  EXPECT_THROW((void)client->step("r=somebodyelse,s=c2FsdHNhbHQ=,i=4096"), Failure);
}

TEST(ClientExchange, ComputesTheCramMd5DigestOfRfc2195) {
  auto client = make_exchange("CRAM-MD5", credentials("tim", "tanstaaftanstaaf"), "imap", "localhost");
  EXPECT_FALSE(client->client_first());
  EXPECT_EQ(client->step("<1896.697170952@postoffice.reston.mci.net>"), "tim b913a602c7eda7a495b4e6e7334d3890");
  EXPECT_TRUE(client->complete());
}

TEST(ClientExchange, SpeaksXoauth2) {
  auto client = make_exchange("XOAUTH2", credentials("a@example.org", "tok"), "imap", "localhost");
  EXPECT_TRUE(client->client_first());
  EXPECT_EQ(client->step(""), "user=a@example.org\1auth=Bearer tok\1\1");
  EXPECT_TRUE(client->complete());
  EXPECT_EQ(client->step(R"({"status":"400"})"), "") << "the error challenge is answered with nothing";
  EXPECT_THROW((void)client->step("again"), Failure);
}

TEST(ClientExchange, SpeaksOauthbearer) {
  auto client = make_exchange("OAUTHBEARER", credentials("a=b,c@example.org", "tok"), "imap", "imap.example.org");
  EXPECT_EQ(client->step(""), "n,a=a=3Db=2Cc@example.org,\1host=imap.example.org\1auth=Bearer tok\1\1");
  EXPECT_EQ(client->step(R"({"status":"invalid_token"})"), "\1");
}

TEST(ClientExchange, ExternalNamesTheUserAndNeedsNoPassword) {
  Credentials nobody;
  nobody.user = "alice";
  auto client = make_exchange("EXTERNAL", nobody, "imap", "localhost");
  EXPECT_EQ(client->step(""), "alice");
  EXPECT_TRUE(client->complete());
}

TEST(ClientExchange, AsksForAPasswordOnlyWhenItNeedsOne) {
  Credentials nobody;
  nobody.user = "alice";
  try {
    (void)make_exchange("PLAIN", nobody, "imap", "localhost");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kConfiguration);
  }
}

TEST(ClientExchange, RefusesNulInNameAndPassword) {
  using namespace std::string_literals;
  EXPECT_THROW((void)make_exchange("PLAIN", credentials("a\0b"s), "imap", "h"), Failure);
  EXPECT_THROW((void)make_exchange("PLAIN", credentials("a", "x\0y"s), "imap", "h"), Failure);
  EXPECT_THROW((void)make_exchange("XOAUTH2", credentials("a\1b"), "imap", "h"), Failure);
}

TEST(ClientExchange, KeepsTheSecretOutOfItsWords) {
  try {
    auto client = make_exchange("SCRAM-SHA-256", credentials("alice", "canary-7f3a"), "imap", "localhost");
    (void)client->step("");
    (void)client->step("nonsense");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ((failure.text() + failure.detail()).find("canary"), std::string::npos);
  }
}

}  // namespace
}  // namespace mailstead::sasl
