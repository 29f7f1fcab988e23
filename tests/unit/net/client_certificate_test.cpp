// Both ends of a TLS connection of ours: what a sign-in can be bound to, and whom a client's certificate names.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <array>

#include "connectors/net/tls_session.h"
#include "mail/failure.h"
#include "tests/support/test_certificates.h"

namespace mailstead::net {
namespace {

using ClientName = ServerTlsSettings::ClientName;
using mailstead::testing::Leaf;
using mailstead::testing::TestCertificates;

struct Ends {
  std::array<int, 2> sockets{-1, -1};
  std::unique_ptr<TlsSession> client, server;

  Ends(const ServerTlsSettings& ours, TlsSettings theirs) {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets.data()) != 0) std::abort();
    tls = std::make_unique<ServerTls>(ours);
    server = TlsSession::server(sockets[0], *tls, "peer");
    client = TlsSession::client(sockets[1], theirs, "localhost");
  }
  ~Ends() {
    for (int one : sockets) ::close(one);
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  // Throws Failure when either side refuses the other.
  void shake_hands() {
    for (int i = 0; i < 50 && (!client->established() || !server->established()); ++i) {
      if (!client->established()) (void)client->handshake();
      if (!server->established()) (void)server->handshake();
    }
    ASSERT_TRUE(client->established() && server->established());
  }
  std::unique_ptr<ServerTls> tls;
};

ServerTlsSettings ours(bool asks = false, ClientName name = ClientName::kCommonName) {
  const auto& files = TestCertificates::shared().leaf(Leaf::kGood);
  ServerTlsSettings settings{files.certificate, files.key};
  if (asks) settings.client_ca = TestCertificates::shared().ca_file();
  settings.client_name = name;
  settings.alpn = "imap";
  return settings;
}

TlsSettings theirs(std::optional<Leaf> certificate = std::nullopt) {
  TlsSettings settings;
  settings.ca_file = TestCertificates::shared().ca_file();
  if (!certificate) return settings;
  const auto& files = TestCertificates::shared().leaf(*certificate);
  settings.certificate = files.certificate;
  settings.key = files.key;
  return settings;
}

std::vector<std::string> names(std::optional<Leaf> certificate, bool asks = true,
                               ClientName kind = ClientName::kCommonName) {
  Ends ends(ours(asks, kind), theirs(certificate));
  ends.shake_hands();
  return ends.server->facts().client_names;
}

TEST(ClientCertificate, NamesItsUser) {
  EXPECT_EQ(names(Leaf::kClientAlice), std::vector<std::string>{"alice"});
  EXPECT_EQ(names(Leaf::kClientAlice, true, ClientName::kEmail),
            (std::vector<std::string>{"alice@example.org", "bob@example.org"}));
}

TEST(ClientCertificate, IsNotNeeded) {
  EXPECT_TRUE(names(std::nullopt).empty());
}

TEST(ClientCertificate, IsNotLookedAtWhereNobodyAskedForOne) {
  EXPECT_TRUE(names(Leaf::kClientAlice, false).empty());
}

TEST(ClientCertificate, WithTwoCommonNamesNamesNobody) {
  EXPECT_TRUE(names(Leaf::kClientTwoNames).empty());
}

TEST(ClientCertificate, OfAStrangerOrForServersEndsTheHandshake) {
  EXPECT_THROW((void)names(Leaf::kClientStranger), mail::Failure);
  EXPECT_THROW((void)names(Leaf::kGood), mail::Failure);
  EXPECT_THROW((void)names(Leaf::kExpired), mail::Failure);
}

TEST(ClientCertificate, AuthoritiesThatCannotBeReadAreRefused) {
  ServerTlsSettings settings = ours();
  settings.client_ca = "/nonexistent/ca.pem";
  EXPECT_THROW(ServerTls{settings}, mail::Failure);
}

TEST(ServerBindings, AreThoseOfTheClient) {
  Ends ends(ours(), theirs());
  ends.shake_hands();
  const auto bindings = ends.server->facts().bindings;
  ASSERT_EQ(bindings.size(), 2U);
  const auto binding = ends.client->channel_binding();
  ASSERT_TRUE(binding);
  EXPECT_EQ(binding->type, "tls-exporter");
  EXPECT_EQ(bindings[0].type, "tls-exporter");
  EXPECT_EQ(bindings[0].data, binding->data);
  EXPECT_EQ(bindings[1].type, "tls-server-end-point");
  // Our certificate is signed with SHA-256: its binding is its fingerprint.
  std::string hex;
  for (unsigned char c : bindings[1].data) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[c >> 4U];
    hex += kDigits[c & 15U];
  }
  EXPECT_EQ(hex, TestCertificates::shared().leaf(Leaf::kGood).fingerprint);
  EXPECT_TRUE(ends.client->facts().bindings.empty());
}

TEST(ServerAlpn, TakesItsOwnAndServesOthersAllTheSame) {
  struct Row {
    std::string offered, agreed;
  };
  for (const Row& row : {Row{"imap", "imap"}, Row{"http/1.1", ""}, Row{"", ""}}) {
    TlsSettings settings = theirs();
    settings.alpn = row.offered;
    Ends ends(ours(), settings);
    ends.shake_hands();
    EXPECT_EQ(ends.server->facts().alpn, row.agreed);
  }
}

}  // namespace
}  // namespace mailstead::net
