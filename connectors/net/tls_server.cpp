#include <openssl/err.h>

#include "connectors/net/tls_context.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

[[noreturn]] void refuse(const char* what, const std::string& file) {
  throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kProcess,
                      std::string(what) + " " + mail::printable(file) + ": " + take_openssl_error());
}

}  // namespace

ServerTls::ServerTls(const std::string& certificate_file, const std::string& key_file)
    : state_(std::make_unique<State>()) {
  ERR_clear_error();
  state_->context = ContextPointer(SSL_CTX_new(TLS_server_method()), FreeContext{});
  SSL_CTX* context = state_->context.get();
  if (context == nullptr) refuse("cannot prepare TLS for", certificate_file);
  harden(context);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_dh_auto(context, 1);
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
    refuse("cannot use the certificate", certificate_file);
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    refuse("cannot use the key", key_file);
  if (SSL_CTX_check_private_key(context) != 1) refuse("certificate and key do not belong together:", key_file);
}

ServerTls::~ServerTls() = default;

}  // namespace mailstead::net
