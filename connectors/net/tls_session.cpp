#include "connectors/net/tls_session.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <system_error>

#include "connectors/net/resolve.h"
#include "connectors/net/socket_bio.h"
#include "connectors/net/tls_context.h"
#include "connectors/net/tls_sessions.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// Words for the refusals that people meet; everything else keeps OpenSSL's.
std::string handshake_words(unsigned long code) {
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    switch (ERR_GET_REASON(code)) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST:
      case SSL_R_RECORD_LENGTH_MISMATCH:
      case SSL_R_PACKET_LENGTH_TOO_LONG:
        return "the peer does not speak TLS here (is it a port for \"tls\": \"starttls\"?)";
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      case SSL_R_VERSION_TOO_LOW:
        return "no common TLS version (1.2 is the least that is safe, see tls_options.min_version)";
      case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
        return "the server refuses the protocol that we offer (ALPN): set tls_options.alpn to false";
      case SSL_R_UNEXPECTED_EOF_WHILE_READING: return "the connection was closed during the handshake";
      default: break;
    }
  }
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "handshake failed";
}

// The list of one: its length, then the name (RFC 7301 §3.1).
void offer_protocol(SSL* ssl, const std::string& name) {
  if (name.empty() || name.size() > 255) return;
  const std::string list = static_cast<char>(name.size()) + name;
  SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(list.data()), static_cast<unsigned>(list.size()));
}

// Which port of which server, and all that is verified of it besides the context.
std::string session_key(int descriptor, const TlsSettings& settings, const PeerCheck& check) {
  SocketAddress peer;
  peer.size = sizeof(peer.storage);
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) != 0) peer = {};
  std::string key = std::to_string(port_of(peer)) + '\n' + check.host + '\n' + check.fingerprint + '\n' +
                    settings.alpn + '\n' + (check.chain ? 'c' : '-') + (settings.insecure ? 'i' : '-');
  for (const std::string& pin : check.pins) key += '\n' + pin;
  return key;
}

}  // namespace

TlsSession::TlsSession(SSL_CTX* context, int descriptor, std::string who)
    : ssl_(SSL_new(context)), who_(std::move(who)) {
  BIO* bio = ssl_ ? make_socket_bio(descriptor) : nullptr;
  if (bio == nullptr) throw Failure(FailureKind::kTemporary, FailureScope::kSession, "TLS: " + take_openssl_error());
  SSL_set_bio(ssl_.get(), bio, bio);
}

std::unique_ptr<TlsSession> TlsSession::client(int descriptor, const TlsSettings& settings, const std::string& host) {
  const auto context = client_context(settings);
  std::unique_ptr<TlsSession> session(new TlsSession(context.get(), descriptor, mail::printable(host, 256)));
  session->check_.host = host;
  session->check_.chain = checks_chain(settings);
  if (!settings.fingerprint.empty()) session->check_.fingerprint = normalized_fingerprint(settings.fingerprint);
  for (const std::string& pin : settings.pins) session->check_.pins.push_back(normalized_pin(pin));
  expect_peer(session->ssl_.get(), session->check_);
  offer_protocol(session->ssl_.get(), settings.alpn);
  use_sessions(session->ssl_.get(), session_key(descriptor, settings, session->check_));
  SSL_set_connect_state(session->ssl_.get());
  return session;
}

std::unique_ptr<TlsSession> TlsSession::server(int descriptor, const ServerTls& tls, const std::string& peer) {
  std::unique_ptr<TlsSession> session(new TlsSession(tls.state().context.get(), descriptor, peer));
  session->client_name_ = tls.state().client_name;
  SSL_set_accept_state(session->ssl_.get());
  return session;
}

TryResult TlsSession::handshake() {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    established_ = true;
    return {};
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {TryResult::State::kWantsRead, 0};
    case SSL_ERROR_WANT_WRITE: return {TryResult::State::kWantsWrite, 0};
    default: fail_handshake();
  }
}

void TlsSession::fail_handshake() {
  const int error = errno;
  broken_ = true;
  if (!check_.refusal.empty())
    throw Failure(FailureKind::kProtocol, FailureScope::kAccount, check_.refusal, take_openssl_error());
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0)
    throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                  who_ + ": TLS: " +
                      (error != 0 ? std::generic_category().message(error)
                                  : std::string("the connection was closed during the handshake")));
  const bool closed = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  throw Failure(closed ? FailureKind::kTemporary : FailureKind::kProtocol, FailureScope::kSession,
                who_ + ": TLS: " + handshake_words(code));
}

TryResult TlsSession::read(std::span<char> into) {
  ERR_clear_error();
  errno = 0;
  std::size_t count = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &count);
  return after(result, count);
}

TryResult TlsSession::write(std::string_view bytes) {
  if (bytes.empty()) return {};
  ERR_clear_error();
  errno = 0;
  std::size_t count = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
  return after(result, count);
}

TryResult TlsSession::after(int result, std::size_t count) {
  if (result == 1) return {TryResult::State::kDone, count};
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {TryResult::State::kWantsRead, 0};
    case SSL_ERROR_WANT_WRITE: return {TryResult::State::kWantsWrite, 0};
    case SSL_ERROR_ZERO_RETURN: return {TryResult::State::kEnd, 0};
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      throw Failure(
          FailureKind::kTemporary, FailureScope::kSession,
          who_ + ": " + (system_error != 0 ? std::generic_category().message(system_error) : "connection closed"));
    default:
      broken_ = true;
      throw Failure(FailureKind::kProtocol, FailureScope::kSession, who_ + ": TLS: " + take_openssl_error());
  }
}

std::optional<connectors::ChannelBinding> TlsSession::channel_binding() const {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  SSL* ssl = ssl_.get();
  std::array<unsigned char, EVP_MAX_MD_SIZE> octets{};
  const auto text = [&](std::size_t size) { return std::string(reinterpret_cast<const char*>(octets.data()), size); };
  if (!established_) return std::nullopt;
  if (SSL_version(ssl) >= TLS1_3_VERSION) {
    constexpr std::size_t kSize = 32;
    if (SSL_export_keying_material(ssl, octets.data(), kSize, kLabel.data(), kLabel.size(), nullptr, 0, 1) != 1)
      return std::nullopt;
    return connectors::ChannelBinding{"tls-exporter", text(kSize)};
  }
  if (SSL_get_extms_support(ssl) != 1) return std::nullopt;
  // The first Finished of the handshake: the client's, but the server's when a session is resumed.
  const bool ours_first = (SSL_session_reused(ssl) == 0) == (SSL_is_server(ssl) == 0);
  const std::size_t size = ours_first ? SSL_get_finished(ssl, octets.data(), octets.size())
                                      : SSL_get_peer_finished(ssl, octets.data(), octets.size());
  if (size == 0 || size > octets.size()) return std::nullopt;
  return connectors::ChannelBinding{"tls-unique", text(size)};
}

TlsFacts TlsSession::facts() const {
  TlsFacts facts = facts_of(ssl_.get());
  if (SSL_is_server(ssl_.get()) == 0) return facts;
  facts.bindings = server_bindings();
  facts.client_names = client_names_of(ssl_.get(), client_name_);
  return facts;
}

std::vector<connectors::ChannelBinding> TlsSession::server_bindings() const {
  std::vector<connectors::ChannelBinding> bindings;
  if (auto best = channel_binding()) bindings.push_back(std::move(*best));
  if (std::string end_point = end_point_of(ssl_.get()); !end_point.empty())
    bindings.push_back({"tls-server-end-point", std::move(end_point)});
  return bindings;
}

bool TlsSession::has_pending() const {
  return SSL_has_pending(ssl_.get()) == 1;
}

void TlsSession::shutdown() noexcept {
  if (!established_ || broken_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace mailstead::net
