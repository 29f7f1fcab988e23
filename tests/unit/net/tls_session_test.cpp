// What a TLS connection carries beyond its octets: sessions that go on, ALPN, channel binding, pins of keys, the chain.

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <array>
#include <csignal>

#include "connectors/net/dial.h"
#include "connectors/net/tls_context.h"
#include "mail/failure.h"
#include "tests/support/one_shot_server.h"
#include "tests/support/test_certificates.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;
using testing::Leaf;
using testing::TestCertificates;

Deadline soon() {
  return Deadline::in(10s);
}

struct ServerOptions {
  int version = TLS1_3_VERSION;
  Leaf leaf = Leaf::kGood;
  std::string alpn = {};  // the one it takes
  bool refuses_alpn = false;
  bool extended_master_secret = true;
};

struct Seen {
  bool accepted = false, resumed = false;
  std::string exporter, client_finished, server_finished;
};

int select_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void* settings) {
  const auto& options = *static_cast<const ServerOptions*>(settings);
  if (options.refuses_alpn) return SSL_TLSEXT_ERR_ALERT_FATAL;
  const std::string_view list(reinterpret_cast<const char*>(offered), offered_size);
  const auto found = options.alpn.empty() ? std::string_view::npos : list.find(options.alpn);
  if (found == std::string_view::npos) return SSL_TLSEXT_ERR_NOACK;
  *out = offered + found;
  *size = static_cast<unsigned char>(options.alpn.size());
  return SSL_TLSEXT_ERR_OK;
}

// A server by OpenSSL alone, one connection after another; greets and waits for the client's end.
class TlsServer {
 public:
  explicit TlsServer(ServerOptions options = {}) : options_(options), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_set_max_proto_version(context_.get(), options_.version);
    if (!options_.extended_master_secret) SSL_CTX_set_options(context_.get(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
    const auto& files = TestCertificates::shared().leaf(options_.leaf);
    SSL_CTX_use_certificate_chain_file(context_.get(), files.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), files.key.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_alpn_select_cb(context_.get(), select_protocol, &options_);
    listening_ = connectors::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listening_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { run(); });
  }
  ~TlsServer() { ::shutdown(listening_.get(), SHUT_RDWR); }

  [[nodiscard]] Endpoint endpoint() const {
    Endpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = port_;
    endpoint.tls_settings.ca_file = TestCertificates::shared().ca_file();
    return endpoint;
  }
  // Of the connection that the client has ended before.
  Seen seen() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return !seen_.empty(); });
    if (seen_.empty()) return {};
    const Seen one = seen_.front();
    seen_.erase(seen_.begin());
    return one;
  }

 private:
  void run() {
    sigset_t pipe;  // OpenSSL's own socket BIO raises it
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (;;) {
      const connectors::Descriptor accepted(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!accepted) return;
      const timeval patience{10, 0};
      ::setsockopt(accepted.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
      const Seen one = serve(accepted.get());
      {
        std::lock_guard lock(mutex_);
        seen_.push_back(one);
      }
      changed_.notify_all();
    }
  }

  Seen serve(int descriptor) {
    Seen one;
    SSL* ssl = SSL_new(context_.get());
    SSL_set_fd(ssl, descriptor);
    if (SSL_accept(ssl) == 1) {
      one.accepted = true;
      one.resumed = SSL_session_reused(ssl) == 1;
      std::array<unsigned char, 64> octets{};
      const auto text = [&](std::size_t size) {
        return std::string(octets.begin(), octets.begin() + static_cast<long>(size));
      };
      if (SSL_export_keying_material(ssl, octets.data(), 32, "EXPORTER-Channel-Binding", 24, nullptr, 0, 1) == 1)
        one.exporter = text(32);
      one.server_finished = text(SSL_get_finished(ssl, octets.data(), octets.size()));
      one.client_finished = text(SSL_get_peer_finished(ssl, octets.data(), octets.size()));
      SSL_write(ssl, "hello", 5);
      while (SSL_read(ssl, octets.data(), static_cast<int>(octets.size())) > 0) continue;
      SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    return one;
  }

  struct FreeServerContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  ServerOptions options_;
  std::unique_ptr<SSL_CTX, FreeServerContext> context_;
  connectors::Descriptor listening_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Seen> seen_;
  std::jthread thread_;
};

struct Visit {
  TlsFacts facts;
  std::optional<connectors::ChannelBinding> binding;
};

Visit visit(const Endpoint& endpoint) {
  auto stream = dial(endpoint, soon());
  std::array<char, 16> buffer;
  EXPECT_GT(stream->read_some(buffer, soon()), 0U);
  Visit made{stream->tls().value_or(TlsFacts{}), stream->channel_binding()};
  stream->close();
  return made;
}

class Resumption : public ::testing::TestWithParam<int> {};

TEST_P(Resumption, TheSecondConnectionGoesOnWhereTheFirstEnded) {
  TlsServer server({.version = GetParam()});
  const TlsFacts first = visit(server.endpoint()).facts;
  EXPECT_FALSE(first.resumed);
  EXPECT_FALSE(server.seen().resumed);
  for (int i = 0; i < 3; ++i) {
    const TlsFacts next = visit(server.endpoint()).facts;
    EXPECT_TRUE(next.resumed) << i;
    EXPECT_TRUE(server.seen().resumed) << i;
    EXPECT_EQ(next.peer_fingerprint, first.peer_fingerprint);
    EXPECT_EQ(next.chain.size(), 1U) << "what the server sent then";
  }
}

TEST_P(Resumption, NothingGoesOnUnderOtherTerms) {
  TlsServer server({.version = GetParam()});
  (void)visit(server.endpoint());
  std::vector<std::pair<const char*, Endpoint>> rows(6, {"", server.endpoint()});
  rows[0].first = "another host name";
  rows[0].second.host = "localhost";
  rows[1].first = "a pin";
  rows[1].second.tls_settings.fingerprint = TestCertificates::shared().leaf(Leaf::kGood).fingerprint;
  rows[2].first = "not verified";
  rows[2].second.tls_settings.insecure = true;
  rows[3].first = "other authorities";
  rows[3].second.tls_settings.ca_file = TestCertificates::shared().leaf(Leaf::kGood).certificate;
  rows[4].first = "another protocol";
  rows[4].second.tls_settings.alpn = "pop3";
  rows[5].first = "a client certificate";
  rows[5].second.tls_settings.certificate = TestCertificates::shared().leaf(Leaf::kClientOnly).certificate;
  rows[5].second.tls_settings.key = TestCertificates::shared().leaf(Leaf::kClientOnly).key;
  for (const auto& [name, endpoint] : rows) EXPECT_FALSE(visit(endpoint).facts.resumed) << name;
}

TEST_P(Resumption, WhatWasNotVerifiedIsNotResumedAsVerified) {
  TlsServer server({.version = GetParam(), .leaf = Leaf::kSelfSigned});
  Endpoint insecure = server.endpoint();
  insecure.tls_settings.insecure = true;
  (void)visit(insecure);
  EXPECT_TRUE(visit(insecure).facts.resumed);
  EXPECT_THROW((void)dial(server.endpoint(), soon()), Failure);
}

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& row) { return row.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST(Alpn, IsOfferedAndTold) {
  TlsServer server({.alpn = "imap"});
  Endpoint endpoint = server.endpoint();
  endpoint.tls_settings.alpn = "imap";
  EXPECT_EQ(visit(endpoint).facts.alpn, "imap");
}

TEST(Alpn, AServerMayIgnoreIt) {
  TlsServer server;
  Endpoint endpoint = server.endpoint();
  endpoint.tls_settings.alpn = "imap";
  EXPECT_EQ(visit(endpoint).facts.alpn, "");
}

TEST(Alpn, AServerThatRefusesItIsToldOf) {
  TlsServer server({.refuses_alpn = true});
  Endpoint endpoint = server.endpoint();
  endpoint.tls_settings.alpn = "imap";
  try {
    (void)dial(endpoint, soon());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_NE(failure.text().find("tls_options.alpn"), std::string::npos) << failure.text();
  }
}

TEST(ChannelBinding, IsTheExporterWithTls13) {
  TlsServer server;
  for (int i = 0; i < 2; ++i) {  // the second is resumed
    const auto binding = visit(server.endpoint()).binding;
    ASSERT_TRUE(binding);
    EXPECT_EQ(binding->type, "tls-exporter");
    EXPECT_EQ(binding->data.size(), 32U);
    EXPECT_EQ(binding->data, server.seen().exporter);
  }
}

TEST(ChannelBinding, IsTheFirstFinishedWithTls12) {
  TlsServer server({.version = TLS1_2_VERSION});
  for (int i = 0; i < 2; ++i) {
    const Visit made = visit(server.endpoint());
    const Seen seen = server.seen();
    ASSERT_TRUE(made.binding);
    EXPECT_EQ(made.facts.resumed, i == 1);
    EXPECT_EQ(made.binding->type, "tls-unique");
    EXPECT_EQ(made.binding->data, seen.resumed ? seen.server_finished : seen.client_finished);
  }
}

TEST(ChannelBinding, ThereIsNoneWithoutTheExtendedMasterSecretNorWithoutTls) {
  TlsServer server({.version = TLS1_2_VERSION, .extended_master_secret = false});
  EXPECT_FALSE(visit(server.endpoint()).binding);
  testing::OneShotServer plain([](testing::RawPeer& peer) { peer.wait_for_end(); });
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = plain.port();
  endpoint.tls = TlsMode::kNone;
  EXPECT_FALSE(dial(endpoint, soon())->channel_binding());
}

TEST(KeyPin, StandsForTheChainInEitherSpelling) {
  TlsServer server({.leaf = Leaf::kSelfSigned});
  Endpoint endpoint = server.endpoint();
  endpoint.tls_settings.insecure = true;
  const std::string pin = visit(endpoint).facts.peer_pin;
  ASSERT_EQ(pin.size(), 7U + 64U) << pin;
  endpoint.tls_settings.insecure = false;
  endpoint.tls_settings.pins = {"sha256:" + std::string(64, '0'), pin};
  EXPECT_EQ(visit(endpoint).facts.peer_pin, pin);
  endpoint.tls_settings.pins = {"sha256:" + std::string(64, '0')};
  try {
    (void)dial(endpoint, soon());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_NE(failure.text().find("has the public key \"" + pin + "\""), std::string::npos) << failure.text();
    EXPECT_EQ(failure.kind(), FailureKind::kProtocol);
  }
}

TEST(KeyPin, IsTakenInHexAndBase64Only) {
  const std::string hex(64, 'a');
  EXPECT_EQ(normalized_pin("sha256:" + hex), hex);
  EXPECT_EQ(normalized_pin("sha256:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo="), hex);
  for (const std::string& wrong : {std::string(), hex, "sha1:" + hex, "sha256:" + hex + "a", std::string("sha256:abc"),
                                   std::string("sha256:!qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=")})
    EXPECT_THROW((void)normalized_pin(wrong), Failure) << wrong;
}

TEST(Chain, IsToldUpToTheAuthority) {
  TlsServer server;
  const TlsFacts facts = visit(server.endpoint()).facts;
  ASSERT_EQ(facts.chain.size(), 2U);
  EXPECT_EQ(facts.chain[0].subject, facts.peer_subject);
  EXPECT_EQ(facts.chain[0].issuer, facts.chain[1].subject);
  EXPECT_EQ(facts.chain[1].issuer, facts.chain[1].subject);
  EXPECT_EQ(facts.chain[0].days_left, facts.days_left);
  EXPECT_EQ(facts.chain[0].expires.size(), 10U) << facts.chain[0].expires;
}

TEST(Chain, LongAndOddSubjectsAreCutAndEscaped) {
  for (Leaf leaf : {Leaf::kOddSubject, Leaf::kLongSubject}) {
    TlsServer server({.leaf = leaf});
    const TlsFacts facts = visit(server.endpoint()).facts;
    ASSERT_FALSE(facts.chain.empty());
    for (const std::string& text : {facts.peer_subject, facts.chain[0].subject}) {
      EXPECT_LE(text.size(), 210U);
      for (char c : text) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << text;
    }
  }
}

// A server that stops in the middle of the handshake, after so many of the octets of its first flight.
TEST(SilentTls, EndsAtTheDeadlineWhereverTheHandshakeStops) {
  const std::string hello("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11);  // a ServerHello's beginning
  for (std::size_t sent : {std::size_t{0}, std::size_t{1}, std::size_t{5}, hello.size()}) {
    testing::OneShotServer server(
        [&](testing::RawPeer& peer) { peer.write(hello.substr(0, sent)), peer.wait_for_end(); });
    Endpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = server.port();
    endpoint.tls_settings.insecure = true;
    const auto begun = std::chrono::steady_clock::now();
    try {
      (void)dial(endpoint, Deadline::in(100ms));
      FAIL();
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kTemporary) << failure.text();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 1100ms) << sent;
  }
}

TEST(SilentTls, ClosingWaitsForNobody) {
  TlsServer server;
  auto stream = dial(server.endpoint(), soon());
  // The server never reads again as far as we know; its close_notify is not waited for.
  const auto begun = std::chrono::steady_clock::now();
  stream->close();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s);
}

}  // namespace
}  // namespace mailstead::net
