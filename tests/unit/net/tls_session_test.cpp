// TLS sessions that go on at the next connection, and handshakes that stop half-way.

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
};

struct Seen {
  bool accepted = false, resumed = false;
};

// A server by OpenSSL alone, one connection after another; greets and waits for the client's end.
class TlsServer {
 public:
  explicit TlsServer(ServerOptions options = {}) : options_(options), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_set_max_proto_version(context_.get(), options_.version);
    const auto& files = TestCertificates::shared().leaf(options_.leaf);
    SSL_CTX_use_certificate_chain_file(context_.get(), files.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), files.key.c_str(), SSL_FILETYPE_PEM);
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

// What the server saw of a visit.
Seen visit(TlsServer& server, const Endpoint& endpoint) {
  auto stream = dial(endpoint, soon());
  std::array<char, 16> buffer;
  EXPECT_GT(stream->read_some(buffer, soon()), 0U);
  EXPECT_TRUE(stream->tls());
  stream->close();
  return server.seen();
}

class Resumption : public ::testing::TestWithParam<int> {};

TEST_P(Resumption, TheSecondConnectionGoesOnWhereTheFirstEnded) {
  TlsServer server({.version = GetParam()});
  EXPECT_FALSE(visit(server, server.endpoint()).resumed);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(visit(server, server.endpoint()).resumed) << i;
}

TEST_P(Resumption, NothingGoesOnUnderOtherTerms) {
  TlsServer server({.version = GetParam()});
  (void)visit(server, server.endpoint());
  std::vector<std::pair<const char*, Endpoint>> rows(5, {"", server.endpoint()});
  rows[0].first = "another host name";
  rows[0].second.host = "localhost";
  rows[1].first = "a pin";
  rows[1].second.tls_settings.fingerprint = TestCertificates::shared().leaf(Leaf::kGood).fingerprint;
  rows[2].first = "not verified";
  rows[2].second.tls_settings.insecure = true;
  rows[3].first = "other authorities";
  rows[3].second.tls_settings.ca_file = TestCertificates::shared().leaf(Leaf::kGood).certificate;
  rows[4].first = "a client certificate";
  rows[4].second.tls_settings.certificate = TestCertificates::shared().leaf(Leaf::kClientOnly).certificate;
  rows[4].second.tls_settings.key = TestCertificates::shared().leaf(Leaf::kClientOnly).key;
  for (const auto& [name, endpoint] : rows) EXPECT_FALSE(visit(server, endpoint).resumed) << name;
}

TEST_P(Resumption, WhatWasNotVerifiedIsNotResumedAsVerified) {
  TlsServer server({.version = GetParam(), .leaf = Leaf::kSelfSigned});
  Endpoint insecure = server.endpoint();
  insecure.tls_settings.insecure = true;
  (void)visit(server, insecure);
  EXPECT_TRUE(visit(server, insecure).resumed);
  EXPECT_THROW((void)dial(server.endpoint(), soon()), Failure);
}

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& row) { return row.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST(Subject, IsCutAndEscaped) {
  for (Leaf leaf : {Leaf::kOddSubject, Leaf::kLongSubject}) {
    TlsServer server({.leaf = leaf});
    const auto stream = dial(server.endpoint(), soon());
    const std::string subject = stream->tls().value_or(TlsFacts{}).peer_subject;
    EXPECT_FALSE(subject.empty());
    EXPECT_LE(subject.size(), 210U);
    for (char c : subject) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << subject;
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
