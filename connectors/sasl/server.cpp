#include "connectors/sasl/server.h"

#include <algorithm>
#include <cctype>
#include <exception>
#include <utility>

#include "connectors/sasl/gsasl_library.h"
#include "connectors/sasl/scram_server.h"
#include "mail/limits.h"

namespace mailstead::sasl {
namespace {

// PLAIN and LOGIN against KeyLookup by GNU SASL's server half.
class GsaslServer final : public ServerExchange, private PropertySource {
 public:
  GsaslServer(std::string mechanism, KeyLookup lookup) : mechanism_(std::move(mechanism)), lookup_(std::move(lookup)) {
    session_ = start_server(mechanism_.c_str(), *this);
    if (!session_) phase_ = Phase::kFailed;
  }

  [[nodiscard]] State step(std::optional<std::string_view> response, std::string& challenge) override;
  [[nodiscard]] const Identity& identity() const noexcept override { return identity_; }
  [[nodiscard]] bool decided() const noexcept override { return phase_ == Phase::kDone || phase_ == Phase::kFailed; }
  [[nodiscard]] const std::string& claimed_user() const noexcept override { return claimed_; }

 private:
  enum class Phase { kStart, kRunning, kDone, kFailed };

  [[nodiscard]] int property(Gsasl_session* session, Gsasl_property wanted) noexcept override;
  [[nodiscard]] int check_simple(Gsasl_session* session);
  [[nodiscard]] State go_on(std::string_view response, std::string& challenge);
  State fail() {
    phase_ = Phase::kFailed;
    identity_ = {};
    return State::kFailed;
  }
  State succeed() {
    if (!accepted_) return fail();
    phase_ = Phase::kDone;
    return State::kSuccess;
  }

  const std::string mechanism_;
  const KeyLookup lookup_;
  Session session_;
  Phase phase_ = Phase::kStart;
  std::string claimed_;
  Identity identity_;
  bool accepted_ = false;       // name and password fit
  std::exception_ptr trouble_;  // of the lookup, carried over the C frames
};

ServerExchange::State GsaslServer::step(std::optional<std::string_view> response, std::string& challenge) {
  challenge.clear();
  if (phase_ == Phase::kDone || phase_ == Phase::kFailed) return fail();
  if (response && response->size() > mail::kMaxSaslMessage) return fail();
  const bool first = phase_ == Phase::kStart;
  phase_ = Phase::kRunning;
  if (mechanism_ != "LOGIN") {
    if (first && !response) return State::kContinue;  // the client speaks first
    return response ? go_on(*response, challenge) : fail();
  }
  // LOGIN's prompts are for the eye; some clients insist on these very words. An initial response is the user name.
  if (response && response->find('\0') != std::string_view::npos) return fail();
  if (first) {
    if (go_on("", challenge) != State::kContinue) return fail();
    challenge = "Username:";
    if (!response) return State::kContinue;
  }
  if (!response) return fail();
  const State state = go_on(*response, challenge);
  if (state == State::kContinue) challenge = "Password:";
  return state;
}

ServerExchange::State GsaslServer::go_on(std::string_view response, std::string& challenge) {
  StepResult result = sasl::step(*session_, response);
  if (trouble_) {
    fail();
    std::rethrow_exception(std::exchange(trouble_, nullptr));
  }
  if (result.code == GSASL_NEEDS_MORE) {
    challenge = std::move(result.output);
    return State::kContinue;
  }
  return result.code == GSASL_OK ? succeed() : fail();
}

int GsaslServer::property(Gsasl_session* session, Gsasl_property wanted) noexcept {
  try {
    return wanted == GSASL_VALIDATE_SIMPLE ? check_simple(session) : GSASL_NO_CALLBACK;
  } catch (...) {
    trouble_ = std::current_exception();
    return GSASL_AUTHENTICATION_ERROR;
  }
}

int GsaslServer::check_simple(Gsasl_session* session) {
  const char* name = gsasl_property_fast(session, GSASL_AUTHID);
  const char* acting_as = gsasl_property_fast(session, GSASL_AUTHZID);
  const char* password = gsasl_property_fast(session, GSASL_PASSWORD);
  if (name == nullptr || password == nullptr) return GSASL_AUTHENTICATION_ERROR;
  const std::string user(name);
  claimed_ = user;
  auto identity = check_password(lookup_, user, password);
  // Nobody acts as another here.
  const bool itself = acting_as == nullptr || *acting_as == '\0' || user == acting_as;
  if (!identity || !itself) return GSASL_AUTHENTICATION_ERROR;
  identity_ = std::move(*identity);
  accepted_ = true;
  return GSASL_OK;
}

// RFC 4422 appendix A: the client is who its certificate says, and names one of several.
class ExternalServer final : public ServerExchange {
 public:
  ExternalServer(KeyLookup lookup, std::vector<std::string> names)
      : lookup_(std::move(lookup)), names_(std::move(names)) {}

  [[nodiscard]] State step(std::optional<std::string_view> response, std::string& challenge) override {
    challenge.clear();
    if (decided_) return fail();
    if (!response && !asked_) return asked_ = true, State::kContinue;
    decided_ = true;
    if (!response || response->size() > mail::kMaxSaslMessage) return fail();
    claimed_ = response->empty() ? names_.front() : std::string(*response);
    for (const std::string& name : names_)
      if ((response->empty() || name == *response) && lookup_.find(name)) {
        identity_.user = claimed_ = name;
        return State::kSuccess;
      }
    return fail();
  }
  [[nodiscard]] const Identity& identity() const noexcept override { return identity_; }
  [[nodiscard]] bool decided() const noexcept override { return decided_; }
  [[nodiscard]] const std::string& claimed_user() const noexcept override { return claimed_; }

 private:
  State fail() {
    identity_ = {};
    return State::kFailed;
  }

  const KeyLookup lookup_;
  const std::vector<std::string> names_;
  std::string claimed_;
  Identity identity_;
  bool asked_ = false, decided_ = false;
};

}  // namespace

std::unique_ptr<ServerExchange> make_server_exchange(std::string_view mechanism, KeyLookup lookup,
                                                     const ServerOffer& offer) {
  const auto offered = server_mechanisms(offer);
  std::string name(mechanism);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (std::find(offered.begin(), offered.end(), name) == offered.end()) return nullptr;
  if (name.starts_with("SCRAM-")) return make_scram_server(name, std::move(lookup), offer.bindings);
  if (name == "EXTERNAL") return std::make_unique<ExternalServer>(std::move(lookup), offer.certificate_names);
  return std::make_unique<GsaslServer>(std::move(name), std::move(lookup));
}

std::vector<std::string> server_mechanisms(const ServerOffer& offer) {
  std::vector<std::string> names;
  if (!offer.bindings.empty()) names = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"};
  names.insert(names.end(), {"SCRAM-SHA-256", "SCRAM-SHA-1"});
  if (!offer.certificate_names.empty()) names.emplace_back("EXTERNAL");
  if (offer.cleartext) names.insert(names.end(), {"PLAIN", "LOGIN"});
  return names;
}

}  // namespace mailstead::sasl
