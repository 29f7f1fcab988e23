// OpenSSL contexts for both sides, made once and shared. Internal to connectors/net.
//
// Not Poco::Net::SecureStreamSocket: its reads block without a stop token, STARTTLS re-wraps the socket, and its
// verification is relaxed for localhost. The descriptor is driven with SSL* directly instead (tls_session.h).
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "connectors/net/tls.h"

namespace mailstead::net {

struct FreeContext {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using ContextPointer = std::shared_ptr<SSL_CTX>;

// Whether the chain and the host name are checked (no pin, not insecure). Throws kConfiguration for settings that
// switch verification off without saying what replaces it.
[[nodiscard]] bool checks_chain(const TlsSettings& settings);

// The context for these settings, from a process-wide cache: reading the system's authorities costs tens of
// milliseconds, and most polls find nothing new. An entry is renewed when one of its files changes or after an hour.
// Thread-safe. Throws Failure(kConfiguration, kAccount) naming the file or setting that does not serve.
[[nodiscard]] ContextPointer client_context(const TlsSettings& settings);

// "sha256:" and 64 hexadecimal or 44 base64 digits (of a public key, RFC 7469 §2.4) as lower-case hex without the word;
// throws Failure(kConfiguration, kAccount) when it is none.
[[nodiscard]] std::string normalized_pin(const std::string& text);
// SHA-256 in lower-case hex without separators; throws Failure(kConfiguration, kAccount) when it is none.
[[nodiscard]] std::string normalized_fingerprint(const std::string& text);

// What both sides share: TLS ≥ 1.2, no renegotiation, no compression, buffers freed while idle.
void harden(SSL_CTX* context);
// The newest error of OpenSSL's queue as words, the queue emptied.
[[nodiscard]] std::string take_openssl_error();

struct ServerTls::State {
  ContextPointer context;
  ServerTlsSettings::ClientName client_name = ServerTlsSettings::ClientName::kCommonName;
  std::string alpn;
};

}  // namespace mailstead::net
