#include "connectors/sasl/gsasl_library.h"

#include <openssl/crypto.h>

#include <cstring>

#include "mail/failure.h"

namespace mailstead::sasl {
namespace {

int on_property(Gsasl* /*library*/, Gsasl_session* session, Gsasl_property wanted) {
  auto* source = session != nullptr ? static_cast<PropertySource*>(gsasl_session_hook_get(session)) : nullptr;
  return source != nullptr ? source->property(session, wanted) : GSASL_NO_CALLBACK;
}

Session owned(Gsasl_session* session, PropertySource& source) {
  if (session != nullptr) gsasl_session_hook_set(session, &source);
  return Session(session);
}

}  // namespace

Gsasl* library() {
  static Gsasl* const handle = [] {
    Gsasl* made = nullptr;
    if (gsasl_init(&made) != GSASL_OK)
      throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kProcess, "GNU SASL cannot be started");
    gsasl_callback_set(made, on_property);
    return made;
  }();
  return handle;
}

void FinishSession::operator()(Gsasl_session* session) const noexcept {
  // gsasl_finish() frees the copy as it is.
  if (const char* copy = gsasl_property_fast(session, GSASL_PASSWORD); copy != nullptr)
    OPENSSL_cleanse(const_cast<char*>(copy), std::strlen(copy));
  gsasl_finish(session);
}

Session start_client(const char* mechanism, PropertySource& source) {
  Gsasl_session* session = nullptr;
  if (gsasl_client_start(library(), mechanism, &session) != GSASL_OK) return nullptr;
  return owned(session, source);
}

Session start_server(const char* mechanism, PropertySource& source) {
  Gsasl_session* session = nullptr;
  if (gsasl_server_start(library(), mechanism, &session) != GSASL_OK) return nullptr;
  return owned(session, source);
}

StepResult step(Gsasl_session& session, std::string_view input) {
  StepResult result;
  char* output = nullptr;
  std::size_t size = 0;
  // Some mechanisms read their input as a C string.
  const std::string terminated(input);
  result.code = gsasl_step(&session, terminated.data(), terminated.size(), &output, &size);
  if (output != nullptr) {
    if (result.code == GSASL_OK || result.code == GSASL_NEEDS_MORE) result.output.assign(output, size);
    OPENSSL_cleanse(output, size);
    gsasl_free(output);
  }
  return result;
}

std::string prepared(std::string_view password) {
  const std::string raw(password);
  if (raw.find('\0') != std::string::npos) return raw;
  char* output = nullptr;
  if (gsasl_saslprep(raw.c_str(), GSASL_ALLOW_UNASSIGNED, &output, nullptr) != GSASL_OK || output == nullptr)
    return raw;
  std::string result(output);
  OPENSSL_cleanse(output, result.size());
  gsasl_free(output);
  return result;
}

}  // namespace mailstead::sasl
