// Whether the peer's certificate is the one we wanted, and words for people when it is not (RFC 9525, RFC 5280).
// Internal to connectors/net.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "connectors/net/tls.h"

namespace mailstead::net {

// Of one client handshake; the verify callback fills in what it found. Lives as long as the SSL object it is set on.
struct PeerCheck {
  std::string host;               // as configured
  std::string fingerprint;        // normalized; empty: none pinned
  std::vector<std::string> pins;  // of public keys, normalized
  bool chain = true;              // chain and host name are checked
  std::string refusal;            // why not, and how to mend it; empty while nothing was refused
};

// For SSL_CTX_set_cert_verify_callback: 1 accepts.
int verify_peer(X509_STORE_CTX* store, void* unused);

// Sets SNI, the expected name or address, and `check` on the connection.
void expect_peer(SSL* ssl, PeerCheck& check);

[[nodiscard]] std::string fingerprint_of(X509* certificate);
// Of its public key (SubjectPublicKeyInfo), hex.
[[nodiscard]] std::string pin_of(X509* certificate);
[[nodiscard]] TlsFacts facts_of(SSL* ssl);
// Whom a verified certificate of a client names: its one common name, or its e-mail addresses (subjectAltName alone).
// Empty without one, and for names with control characters.
[[nodiscard]] std::vector<std::string> client_names_of(SSL* ssl, ServerTlsSettings::ClientName kind);
// tls-server-end-point (RFC 5929 §4.1): the digest of the certificate that we showed, by the one it is signed with. ""
// where there is none, as with Ed25519.
[[nodiscard]] std::string end_point_of(SSL* ssl);

}  // namespace mailstead::net
