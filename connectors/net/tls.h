// TLS as the settings ask for it, for both sides. Certificates and host names are always verified, localhost too,
// unless a fingerprint pins the peer or the user wrote "insecure". Versions below 1.2 are never offered (RFC 8996,
// 9325).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/channel_binding.h"

namespace mailstead::net {

enum class TlsMode { kImplicit, kStartTls, kNone };

// The client side (interface.md, tls_options).
struct TlsSettings {
  std::string ca_file;              // PEM file or folder; empty: the system's
  std::string fingerprint;          // SHA-256 of the peer's certificate, hex, colons allowed; replaces the chain check
  std::vector<std::string> pins;    // "sha256:…" of public keys, hex or base64, any of them; replace the chain check
  std::string certificate, key;     // client certificate, PEM files
  std::string min_version = "1.2";  // or "1.3"
  bool verify = true;               // false is accepted with `fingerprint` or `insecure` only
  bool insecure = false;
  std::string alpn;  // the protocol to offer (RFC 7301): "imap", "pop3"; a server may ignore it
  bool operator==(const TlsSettings&) const = default;
};

// One certificate as its owner shows it; all texts printable.
struct CertificateFacts {
  std::string subject, issuer;
  std::string expires;  // "2027-01-31"
  int days_left = 0;
};

// What a handshake agreed on.
struct TlsFacts {
  std::string version;  // "TLSv1.3"
  std::string cipher;
  std::string alpn;                     // printable; empty when the server agreed on none
  bool resumed = false;                 // an earlier session goes on; its server was verified then
  std::string peer_subject;             // printable; empty without a peer certificate
  std::string peer_fingerprint;         // SHA-256, lower-case hex
  std::string peer_pin;                 // "sha256:" and the hex SHA-256 of its public key
  int days_left = 0;                    // until the peer's certificate expires
  std::vector<CertificateFacts> chain;  // the peer's first; as verified, or as sent (pinned, resumed)
  // The server's side: what a sign-in can be bound to, best first, and whom the client's verified certificate names.
  std::vector<connectors::ChannelBinding> bindings;
  std::vector<std::string> client_names;
};

// The server side. All files are PEM.
struct ServerTlsSettings {
  enum class ClientName { kCommonName, kEmail };
  std::string certificate, key;
  std::string client_ca{};  // who may have signed the certificates of clients; empty: none are asked for
  ClientName client_name = ClientName::kCommonName;
  std::string alpn{};  // taken when the client offers it (RFC 7301); who offers others only is served all the same
};

// Certificate and key of a listener. Thread-safe; shared by its connections.
class ServerTls {
 public:
  // Throws Failure(kConfiguration) naming the file that does not serve.
  explicit ServerTls(const ServerTlsSettings& settings);
  ServerTls(const std::string& certificate_file, const std::string& key_file)
      : ServerTls(ServerTlsSettings{certificate_file, key_file}) {}
  ~ServerTls();
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;

  struct State;
  [[nodiscard]] State& state() const noexcept { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace mailstead::net
