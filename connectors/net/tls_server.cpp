#include <openssl/err.h>

#include <string_view>

#include "connectors/net/tls_context.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

[[noreturn]] void refuse(const char* what, const std::string& file) {
  throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kProcess,
                      std::string(what) + " " + mail::printable(file) + ": " + take_openssl_error());
}

// RFC 7301 §3.2 would end a handshake without a common protocol; a client that offers "http/1.1" by mistake is served.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void* name) {
  const std::string& ours = *static_cast<const std::string*>(name);
  for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
    if (at + 1U + offered[at] > offered_size) break;
    if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), offered[at]) != ours) continue;
    *chosen = offered + at + 1;
    *chosen_size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// A client without a certificate is taken, one with a certificate that does not verify is not.
void ask_for_certificates(SSL_CTX* context, const std::string& authorities) {
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(authorities.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, authorities.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    refuse("cannot use the authorities of clients", authorities);
  }
  SSL_CTX_set_client_CA_list(context, names);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // Resumed sessions keep the certificate, and belong to this context alone.
  constexpr std::string_view kId = "mailstead";
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kId.data()), kId.size());
}

}  // namespace

ServerTls::ServerTls(const ServerTlsSettings& settings) : state_(std::make_unique<State>()) {
  ERR_clear_error();
  state_->context = ContextPointer(SSL_CTX_new(TLS_server_method()), FreeContext{});
  state_->client_name = settings.client_name;
  state_->alpn = settings.alpn;
  SSL_CTX* context = state_->context.get();
  if (context == nullptr) refuse("cannot prepare TLS for", settings.certificate);
  harden(context);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_dh_auto(context, 1);
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate.c_str()) != 1)
    refuse("cannot use the certificate", settings.certificate);
  if (SSL_CTX_use_PrivateKey_file(context, settings.key.c_str(), SSL_FILETYPE_PEM) != 1)
    refuse("cannot use the key", settings.key);
  if (SSL_CTX_check_private_key(context) != 1) refuse("certificate and key do not belong together:", settings.key);
  if (!state_->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, choose_protocol, &state_->alpn);
  if (!settings.client_ca.empty()) ask_for_certificates(context, settings.client_ca);
}

ServerTls::~ServerTls() = default;

}  // namespace mailstead::net
