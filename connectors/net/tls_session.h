// One TLS connection over a non-blocking descriptor, driven step by step. Internal to connectors/net.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/channel_binding.h"
#include "connectors/net/stream.h"
#include "connectors/net/tls_verify.h"

namespace mailstead::net {

// One thread at a time. Does not own the descriptor. Its calls throw Failure as Stream says; after one that did, only
// destruction is left.
class TlsSession {
 public:
  [[nodiscard]] static std::unique_ptr<TlsSession> client(int descriptor, const TlsSettings& settings,
                                                          const std::string& host);
  [[nodiscard]] static std::unique_ptr<TlsSession> server(int descriptor, const ServerTls& tls,
                                                          const std::string& peer);

  [[nodiscard]] TryResult handshake();
  [[nodiscard]] TryResult read(std::span<char> into);
  [[nodiscard]] TryResult write(std::string_view bytes);
  [[nodiscard]] bool established() const noexcept { return established_; }
  [[nodiscard]] bool has_pending() const;
  [[nodiscard]] TlsFacts facts() const;
  // tls-exporter (RFC 9266) with TLS 1.3; with TLS 1.2 tls-unique (RFC 5929), which is safe only together with the
  // extended master secret (RFC 7627): without it nothing.
  [[nodiscard]] std::optional<connectors::ChannelBinding> channel_binding() const;
  // Sends close_notify if there is room; waits for nothing.
  void shutdown() noexcept;

 private:
  TlsSession(SSL_CTX* context, int descriptor, std::string who);
  [[nodiscard]] std::vector<connectors::ChannelBinding> server_bindings() const;
  [[nodiscard]] TryResult after(int result, std::size_t count);
  [[noreturn]] void fail_handshake();

  struct FreeSsl {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };
  PeerCheck check_;  // outlives ssl_, which points to it
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::string who_;
  ServerTlsSettings::ClientName client_name_ = ServerTlsSettings::ClientName::kCommonName;
  bool established_ = false;
  bool broken_ = false;
};

}  // namespace mailstead::net
