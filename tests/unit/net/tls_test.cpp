// Who is believed over TLS, on real sockets: every certificate flaw of Leaf, versions, pins, and both fallbacks.

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <thread>

#include "connectors/net/dial.h"
#include "connectors/net/tls_context.h"
#include "mail/failure.h"
#include "tests/support/scripted_peer.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using testing::Leaf;
using testing::PeerOptions;
using testing::ScriptedPeer;
using testing::TestCertificates;

Deadline soon() {
  return Deadline::in(10s);
}

TlsSettings trusting() {
  TlsSettings settings;
  settings.ca_file = TestCertificates::shared().ca_file();
  return settings;
}

// Connects to a peer with that certificate; "" when it was believed, otherwise the failure's text.
std::string try_peer(Leaf leaf, const std::string& host, const TlsSettings& settings, FailureKind* kind = nullptr) {
  ScriptedPeer peer("S: hello\nC: hi\n", PeerOptions{.implicit_tls = true, .certificate = leaf});
  auto stream = peer.connect();
  try {
    stream->start_tls(settings, host, soon());
    std::array<char, 64> buffer;
    EXPECT_GT(stream->read_some(buffer, soon()), 0U);
    stream->write_all("hi\r\n", soon());
    EXPECT_EQ(peer.finish(), "");
    return "";
  } catch (const Failure& failure) {
    if (kind != nullptr) *kind = failure.kind();
    EXPECT_EQ(failure.scope(), FailureScope::kAccount) << failure.text();
    return failure.text();
  }
}

struct Refusal {
  std::string name;
  Leaf leaf;
  std::string host;
  std::string says;
};

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithWordsThatHelp) {
  FailureKind kind{};
  const std::string text = try_peer(GetParam().leaf, GetParam().host, trusting(), &kind);
  EXPECT_NE(text.find(GetParam().says), std::string::npos) << text;
  EXPECT_NE(text.find("certificate of " + GetParam().host), std::string::npos) << text;
  EXPECT_EQ(kind, FailureKind::kProtocol);
}

TEST_P(Refused, BehindStartTlsAlike) {
  ScriptedPeer peer("S: * OK hello\nC: STARTTLS\nS: OK go ahead\nTLS\nC: never",
                    PeerOptions{.certificate = GetParam().leaf});
  auto stream = peer.connect();
  std::array<char, 64> buffer;
  EXPECT_GT(stream->read_some(buffer, soon()), 0U);
  stream->write_all("STARTTLS\r\n", soon());
  EXPECT_GT(stream->read_some(buffer, soon()), 0U);
  try {
    stream->start_tls(trusting(), GetParam().host, soon());
    FAIL() << "believed";
  } catch (const Failure& failure) {
    EXPECT_NE(failure.text().find(GetParam().says), std::string::npos) << failure.text();
  }
  EXPECT_FALSE(stream->tls());
}

TEST_P(Refused, UnlessItsFingerprintIsPinned) {
  TlsSettings settings;
  settings.fingerprint = TestCertificates::shared().leaf(GetParam().leaf).fingerprint;
  EXPECT_EQ(try_peer(GetParam().leaf, GetParam().host, settings), "");
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, Refused,
    ::testing::Values(Refusal{"WrongHost", Leaf::kWrongHost, "localhost", "is for \"other.example.org\""},
                      Refusal{"Expired", Leaf::kExpired, "localhost", "expired on"},
                      Refusal{"NotYetValid", Leaf::kNotYetValid, "localhost", "not valid before"},
                      Refusal{"SelfSigned", Leaf::kSelfSigned, "localhost", "is self-signed"},
                      Refusal{"WrongAuthority", Leaf::kWrongAuthority, "localhost", "not trusted here"},
                      Refusal{"CommonNameOnly", Leaf::kCommonNameOnly, "localhost", "no host at all"},
                      Refusal{"NulInName", Leaf::kNulInName, "localhost", "\"localhost\\x00.evil.example\""},
                      Refusal{"WildcardOfATopLevel", Leaf::kWildcardTopLevel, "example.com", "is for \"*.com\""},
                      Refusal{"PartialWildcard", Leaf::kWildcardPartial, "imap.example.org", "ima*.example.org"},
                      Refusal{"AddressNotNamed", Leaf::kNoAddress, "127.0.0.1", "is for \"localhost\""},
                      Refusal{"ForClientsOnly", Leaf::kClientOnly, "localhost", "not meant for a server"},
                      Refusal{"WildcardIsOneLabel", Leaf::kWildcard, "a.b.example.org", "is for"}),
    [](const auto& row) { return row.param.name; });

TEST(Tls, RefusesAKnownGoodPeerWithoutItsAuthority) {
  const std::string text = try_peer(Leaf::kGood, "localhost", TlsSettings{});
  EXPECT_NE(text.find("tls_options.ca_file"), std::string::npos) << text;
  EXPECT_NE(text.find(TestCertificates::shared().leaf(Leaf::kGood).fingerprint), std::string::npos)
      << "says what to pin: " << text;
}

TEST(Tls, BelievesGoodPeers) {
  EXPECT_EQ(try_peer(Leaf::kGood, "localhost", trusting()), "");
  EXPECT_EQ(try_peer(Leaf::kGood, "LocalHost", trusting()), "");
  EXPECT_EQ(try_peer(Leaf::kGood, "imap.example.org.", trusting()), "") << "the root's dot";
  EXPECT_EQ(try_peer(Leaf::kGood, "127.0.0.1", trusting()), "");
  EXPECT_EQ(try_peer(Leaf::kGood, "::1", trusting()), "");
  EXPECT_EQ(try_peer(Leaf::kWildcard, "imap.example.org", trusting()), "");
}

TEST(Tls, TrustsTheCertificateThatCaFileHolds) {
  TlsSettings settings;
  settings.ca_file = TestCertificates::shared().leaf(Leaf::kSelfSigned).certificate;
  EXPECT_EQ(try_peer(Leaf::kSelfSigned, "localhost", settings), "");
}

TEST(Tls, TakesFingerprintsAsPeopleWriteThem) {
  const std::string& plain = TestCertificates::shared().leaf(Leaf::kSelfSigned).fingerprint;
  TlsSettings settings;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (i > 0 && i % 2 == 0) settings.fingerprint += ':';
    settings.fingerprint += static_cast<char>(std::toupper(plain[i]));
  }
  EXPECT_EQ(try_peer(Leaf::kSelfSigned, "localhost", settings), "");
}

TEST(Tls, APinOutweighsAGoodChain) {
  TlsSettings settings = trusting();
  settings.insecure = true;
  settings.fingerprint = std::string(64, 'a');
  const std::string text = try_peer(Leaf::kGood, "localhost", settings);
  EXPECT_NE(text.find("not the one in tls_options.fingerprint"), std::string::npos) << text;
}

TEST(Tls, InsecureBelievesAnybody) {
  TlsSettings settings;
  settings.verify = false;
  settings.insecure = true;
  EXPECT_EQ(try_peer(Leaf::kExpired, "nowhere.example", settings), "");
}

TEST(Tls, RefusesSettingsThatDoNotServe) {
  struct Row {
    const char* name;
    TlsSettings settings;
    const char* says;
  };
  TlsSettings unverified, no_file, no_pin, old, no_key;
  unverified.verify = false;
  no_file.ca_file = "/nonexistent/ca.pem";
  no_pin.fingerprint = "abc";
  old.min_version = "1.1";
  no_key.certificate = "/nonexistent/me.pem";
  for (const Row& row : {Row{"verify off alone", unverified, "insecure"},
                         {"ca_file", no_file, "/nonexistent/ca.pem"},
                         {"fingerprint", no_pin, "64 hexadecimal"},
                         {"version", old, "is not one of 1.2, 1.3"},
                         {"client certificate", no_key, "/nonexistent/me.pem"}}) {
    FailureKind kind{};
    const std::string text = try_peer(Leaf::kGood, "localhost", row.settings, &kind);
    EXPECT_NE(text.find(row.says), std::string::npos) << row.name << ": " << text;
    EXPECT_EQ(kind, FailureKind::kConfiguration) << row.name;
  }
}

TEST(Tls, TellsWhatWasAgreedOnEscaped) {
  ScriptedPeer peer("C: x", PeerOptions{.implicit_tls = true, .certificate = Leaf::kOddSubject});
  auto stream = dial(peer.endpoint(), soon());
  const auto facts = stream->tls();
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->version, "TLSv1.3");
  EXPECT_FALSE(facts->cipher.empty());
  EXPECT_EQ(facts->peer_fingerprint, TestCertificates::shared().leaf(Leaf::kOddSubject).fingerprint);
  EXPECT_GE(facts->days_left, 28);
  EXPECT_NE(facts->peer_subject.find("odd"), std::string::npos);
  for (char c : facts->peer_subject) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << facts->peer_subject;
  stream->write_all("x\r\n", soon());
  EXPECT_EQ(peer.finish(), "");
}

TEST(Tls, LoadsAuthoritiesOncePerSettings) {
  const auto first = client_context(trusting());
  EXPECT_EQ(client_context(trusting()), first);
  TlsSettings newer = trusting();
  newer.min_version = "1.3";
  EXPECT_NE(client_context(newer), first);
}

TEST(Tls, SeesThatAnAuthorityFileChanged) {
  const auto directory = std::filesystem::temp_directory_path() / ("mailstead-tls-" + std::to_string(::getpid()));
  std::filesystem::create_directory(directory);
  TlsSettings settings;
  settings.ca_file = (directory / "ca.pem").string();
  std::filesystem::copy_file(TestCertificates::shared().leaf(Leaf::kSelfSigned).certificate, settings.ca_file);
  EXPECT_NE(try_peer(Leaf::kGood, "localhost", settings), "");
  std::ofstream(settings.ca_file, std::ios::app) << std::ifstream(TestCertificates::shared().ca_file()).rdbuf();
  EXPECT_EQ(try_peer(Leaf::kGood, "localhost", settings), "");
  std::filesystem::remove_all(directory);
}

TEST(Tls, SaysSoWhenThePeerDoesNotSpeakIt) {
  ScriptedPeer peer("S: * OK hello, this is no TLS\nSTALL");
  auto endpoint = peer.endpoint();
  endpoint.tls = TlsMode::kImplicit;
  try {
    (void)dial(endpoint, soon());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kProtocol);
    EXPECT_NE(failure.text().find("does not speak TLS"), std::string::npos) << failure.text();
  }
}

// OpenSSL's own socket BIO raises SIGPIPE. Blocked in the thread of a test's peer only: ours must not need it.
void block_sigpipe() {
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

// A server of a version we must not speak.
class OldServer {
 public:
  explicit OldServer(int descriptor, int version) {
    thread_ = std::jthread([descriptor, version] {
      block_sigpipe();
      SSL_CTX* context = SSL_CTX_new(TLS_server_method());
      SSL_CTX_set_security_level(context, 0);
      SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
      SSL_CTX_set_max_proto_version(context, version);
      const auto& files = TestCertificates::shared().leaf(Leaf::kGood);
      SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str());
      SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM);
      SSL* ssl = SSL_new(context);
      SSL_set_fd(ssl, descriptor);
      SSL_accept(ssl);
      SSL_free(ssl);
      SSL_CTX_free(context);
      ::close(descriptor);
    });
  }

 private:
  std::jthread thread_;
};

TEST(Tls, RefusesVersionsBelowTheLeast) {
  struct Row {
    int version;
    const char* least;
    bool accepted;
  };
  for (const Row& row : {Row{TLS1_VERSION, "1.2", false},
                         {TLS1_1_VERSION, "1.2", false},
                         {TLS1_2_VERSION, "1.2", true},
                         {TLS1_2_VERSION, "1.3", false},
                         {TLS1_3_VERSION, "1.3", true}}) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    auto stream = adopt_descriptor(pair[0]);
    OldServer server(pair[1], row.version);
    TlsSettings settings = trusting();
    settings.min_version = row.least;
    try {
      stream->start_tls(settings, "localhost", soon());
      EXPECT_TRUE(row.accepted) << row.version;
    } catch (const Failure& failure) {
      EXPECT_FALSE(row.accepted) << failure.text();
      EXPECT_NE(failure.text().find("no common TLS version"), std::string::npos) << failure.text();
    }
    stream->close();
  }
}

TEST(ServerTls, RefusesOldClients) {
  const auto& files = TestCertificates::shared().leaf(Leaf::kGood);
  const ServerTls tls(files.certificate, files.key);
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  auto stream = adopt_descriptor(pair[0]);
  std::jthread client([descriptor = pair[1]] {
    block_sigpipe();
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, descriptor);
    EXPECT_NE(SSL_connect(ssl), 1);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ::close(descriptor);
  });
  const auto accept = [&] {
    while (stream->try_accept_tls(tls).state != TryResult::State::kDone) {
      pollfd waited{stream->descriptor(), POLLIN, 0};
      ::poll(&waited, 1, 1000);
    }
  };
  EXPECT_THROW(accept(), Failure);
  stream->close();
}

TEST(ServerTls, NamesTheFileThatDoesNotServe) {
  const auto& good = TestCertificates::shared().leaf(Leaf::kGood);
  const auto& other = TestCertificates::shared().leaf(Leaf::kExpired);
  struct Row {
    std::string certificate, key, says;
  };
  for (const Row& row : {Row{"/nonexistent/c.pem", good.key, "/nonexistent/c.pem"},
                         {good.certificate, "/nonexistent/k.pem", "/nonexistent/k.pem"},
                         {good.certificate, other.key, other.key}}) {
    try {
      const ServerTls tls(row.certificate, row.key);
      FAIL() << row.says;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kConfiguration);
      EXPECT_NE(failure.text().find(row.says), std::string::npos) << failure.text();
    }
  }
}

}  // namespace
}  // namespace mailstead::net
