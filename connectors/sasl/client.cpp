#include "connectors/sasl/client.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "connectors/sasl/gsasl_library.h"
#include "connectors/sasl/scram_client.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/limits.h"

namespace mailstead::sasl {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxWords = 300;  // of a server's reasons in a message

[[noreturn]] void refuse(const std::string& text) {
  throw Failure(FailureKind::kAuthentication, FailureScope::kAccount, text);
}

void check_size(const std::string& mechanism, std::string_view challenge) {
  if (challenge.size() > mail::kMaxSaslMessage) refuse(mechanism + ": the server's challenge is too long");
}

mail::Secret ask_password(const Credentials& credentials) {
  if (!credentials.password)
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount, "no password is configured");
  return credentials.password();
}

void refuse_nul(std::string_view value, const char* what) {
  if (value.find('\0') != std::string_view::npos)
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount, std::string(what) + " contains a NUL octet");
}

class GsaslExchange final : public ClientExchange, private PropertySource {
 public:
  GsaslExchange(std::string mechanism, const Credentials& credentials, std::string_view service, std::string_view host)
      : mechanism_(std::move(mechanism)),
        client_first_(mechanism_ != "LOGIN" && mechanism_ != "CRAM-MD5"),
        user_(credentials.user),
        service_(service),
        host_(host) {
    refuse_nul(user_, "the user name");
    if (mechanism_ != "EXTERNAL" && mechanism_ != "GSSAPI") {
      password_ = ask_password(credentials);
      refuse_nul(password_.reveal(), "the password");
    }
    session_ = start_client(mechanism_.c_str(), *this);
    if (!session_)
      throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                    "auth " + mechanism_ + " is not supported here");
  }

  [[nodiscard]] bool client_first() const noexcept override { return client_first_; }
  [[nodiscard]] bool complete() const noexcept override { return complete_; }
  [[nodiscard]] std::string step(std::string_view challenge) override;

 private:
  [[nodiscard]] int property(Gsasl_session* session, Gsasl_property wanted) noexcept override;

  const std::string mechanism_;
  const bool client_first_;
  const std::string user_, service_, host_;
  mail::Secret password_;
  Session session_;
  int steps_ = 0;
  bool complete_ = false;
  bool failed_ = false;
};

std::string GsaslExchange::step(std::string_view challenge) {
  if (complete_ || failed_) refuse(mechanism_ + ": the server goes on after the end of the exchange");
  failed_ = true;  // until this step has ended well
  check_size(mechanism_, challenge);
  if (client_first_ && steps_ == 0 && !challenge.empty()) refuse(mechanism_ + ": the server spoke out of turn");
  ++steps_;
  StepResult result = sasl::step(*session_, challenge);
  if (result.code == GSASL_GSSAPI_INIT_SEC_CONTEXT_ERROR && steps_ == 1)
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  "GSSAPI: there is no valid Kerberos ticket for " + service_ + "@" + mail::printable(host_, 256) +
                      " (kinit makes one, klist shows it)");
  if (result.code != GSASL_OK && result.code != GSASL_NEEDS_MORE)
    refuse(mechanism_ + ": " + gsasl_strerror(result.code));
  complete_ = result.code == GSASL_OK;
  failed_ = false;
  return std::move(result.output);
}

int GsaslExchange::property(Gsasl_session* session, Gsasl_property wanted) noexcept {
  try {
    switch (wanted) {
      case GSASL_AUTHID: return gsasl_property_set_raw(session, wanted, user_.data(), user_.size());
      case GSASL_PASSWORD:
        return gsasl_property_set_raw(session, wanted, password_.reveal().data(), password_.reveal().size());
      case GSASL_AUTHZID:
        // EXTERNAL and GSSAPI name who the certificate or ticket is to act as (RFC 4422 appendix A, RFC 4752 §3.1); the
        // others act as who signs in.
        if (mechanism_ != "EXTERNAL" && mechanism_ != "GSSAPI") return GSASL_NO_AUTHZID;
        return gsasl_property_set_raw(session, wanted, user_.data(), user_.size());
      case GSASL_SERVICE: return gsasl_property_set_raw(session, wanted, service_.data(), service_.size());
      case GSASL_HOSTNAME: return gsasl_property_set_raw(session, wanted, host_.data(), host_.size());
      default: return GSASL_NO_CALLBACK;
    }
  } catch (...) {
    return GSASL_MALLOC_ERROR;
  }
}

// The "password" is the access token. Refused, the server sends its reasons as a challenge, which is answered with
// `after_error`, and only then says no.
class BearerExchange final : public ClientExchange {
 public:
  BearerExchange(std::string mechanism, std::string first, std::string after_error)
      : mechanism_(std::move(mechanism)), first_(std::move(first)), after_error_(std::move(after_error)) {}

  [[nodiscard]] bool client_first() const noexcept override { return true; }
  [[nodiscard]] bool complete() const noexcept override { return steps_ > 0; }
  [[nodiscard]] std::string server_words() const override { return words_; }
  [[nodiscard]] std::string step(std::string_view challenge) override {
    check_size(mechanism_, challenge);
    if (steps_ == 0 && !challenge.empty()) refuse(mechanism_ + ": the server spoke out of turn");
    switch (steps_++) {
      case 0: return std::string(first_.reveal());
      case 1: words_ = mail::printable(challenge, kMaxWords); return after_error_;
      default: refuse(mechanism_ + ": the server goes on after the end of the exchange");
    }
  }

 private:
  const std::string mechanism_;
  const mail::Secret first_;
  const std::string after_error_;
  std::string words_;
  int steps_ = 0;
};

// gs2-header's saslname (RFC 5801 §4).
std::string saslname(std::string_view name) {
  std::string result;
  for (char c : name) {
    if (c == ',')
      result += "=2C";
    else if (c == '=')
      result += "=3D";
    else
      result += c;
  }
  return result;
}

void refuse_separator(std::string_view value, const char* what) {
  if (value.find_first_of(std::string_view("\0\x01", 2)) != std::string_view::npos)
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  std::string(what) + " contains a control character");
}

std::unique_ptr<ClientExchange> make_bearer(const std::string& mechanism, const Credentials& credentials,
                                            std::string_view host) {
  const mail::Secret token = ask_password(credentials);
  refuse_separator(credentials.user, "the user name");
  refuse_separator(token.reveal(), "the token");
  const std::string bearer = "\1auth=Bearer " + std::string(token.reveal()) + "\1\1";
  if (mechanism == "XOAUTH2")
    return std::make_unique<BearerExchange>(mechanism, "user=" + credentials.user + bearer, "");
  std::string first = "n,a=" + saslname(credentials.user) + ",\1host=" + std::string(host) + bearer;
  return std::make_unique<BearerExchange>(mechanism, std::move(first), "\1");
}

}  // namespace

std::unique_ptr<ClientExchange> make_exchange(const std::string& mechanism, const Credentials& credentials,
                                              std::string_view service, std::string_view host,
                                              const std::optional<connectors::ChannelBinding>& binding) {
  constexpr std::array<std::string_view, 5> kByGsasl{"PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL", "GSSAPI"};
  constexpr std::array<std::string_view, 4> kScram{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
                                                   "SCRAM-SHA-1"};
  std::string name = mechanism;
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name == "XOAUTH2" || name == "OAUTHBEARER") return make_bearer(name, credentials, host);
  if (std::find(kScram.begin(), kScram.end(), name) != kScram.end()) {
    mail::Secret password = ask_password(credentials);
    refuse_nul(credentials.user, "the user name");
    refuse_nul(password.reveal(), "the password");
    return make_scram(name, credentials.user, std::move(password), binding);
  }
  if (std::find(kByGsasl.begin(), kByGsasl.end(), name) == kByGsasl.end())
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  "auth " + mail::printable(name, 64) + " is not supported here");
  return std::make_unique<GsaslExchange>(std::move(name), credentials, service, host);
}

}  // namespace mailstead::sasl
