#include "connectors/sasl/server.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <utility>

#include "connectors/sasl/gsasl_library.h"
#include "mail/limits.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

// Sign-in against KeyLookup by GNU SASL's server half. A mechanism's last word of the server (SCRAM's signature) goes
// out as a challenge that the client answers with nothing (RFC 4422 §5, "additional data with success" without protocol
// support).
class GsaslServer final : public ServerExchange, private PropertySource {
 public:
  GsaslServer(std::string mechanism, KeyLookup lookup) : mechanism_(std::move(mechanism)), lookup_(std::move(lookup)) {
    session_ = start_server(mechanism_.c_str(), *this);
    if (!session_) phase_ = Phase::kFailed;
  }

  [[nodiscard]] State step(std::optional<std::string_view> response, std::string& challenge) override;
  [[nodiscard]] const std::string& user() const noexcept override { return user_; }

 private:
  enum class Phase { kStart, kRunning, kLastWord, kDone, kFailed };

  [[nodiscard]] int property(Gsasl_session* session, Gsasl_property wanted) noexcept override;
  [[nodiscard]] int check_simple(Gsasl_session* session);
  [[nodiscard]] int load_keys(Gsasl_session* session);
  [[nodiscard]] State go_on(std::string_view response, std::string& challenge);
  State fail() {
    phase_ = Phase::kFailed;
    user_.clear();
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
  std::string user_;
  bool accepted_ = false;       // the name is one of ours (PLAIN and LOGIN: and the password fits)
  std::exception_ptr trouble_;  // of the lookup, carried over the C frames
};

ServerExchange::State GsaslServer::step(std::optional<std::string_view> response, std::string& challenge) {
  challenge.clear();
  if (phase_ == Phase::kDone || phase_ == Phase::kFailed) return fail();
  if (response && response->size() > mail::kMaxSaslMessage) return fail();
  if (phase_ == Phase::kLastWord) return response && response->empty() ? succeed() : fail();
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
  if (result.code != GSASL_OK) return fail();
  if (result.output.empty()) return succeed();
  if (!accepted_) return fail();
  challenge = std::move(result.output);
  phase_ = Phase::kLastWord;
  return State::kContinue;
}

int GsaslServer::property(Gsasl_session* session, Gsasl_property wanted) noexcept {
  try {
    switch (wanted) {
      case GSASL_VALIDATE_SIMPLE: return check_simple(session);
      case GSASL_SCRAM_ITER:
      case GSASL_SCRAM_SALT:
      case GSASL_SCRAM_STOREDKEY:
      case GSASL_SCRAM_SERVERKEY: return load_keys(session);
      default: return GSASL_NO_CALLBACK;
    }
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
  const bool fits = check_password(lookup_, user, password);
  // Nobody acts as another here.
  const bool itself = acting_as == nullptr || *acting_as == '\0' || user == acting_as;
  if (!fits || !itself) return GSASL_AUTHENTICATION_ERROR;
  user_ = user;
  accepted_ = true;
  return GSASL_OK;
}

int GsaslServer::load_keys(Gsasl_session* session) {
  const char* name = gsasl_property_fast(session, GSASL_AUTHID);
  if (name == nullptr) return GSASL_AUTHENTICATION_ERROR;
  const char* acting_as = gsasl_property_fast(session, GSASL_AUTHZID);
  const std::string user(name);
  const auto found = lookup_(user);
  const ScramKeys keys = found ? *found : decoy_keys(user);
  user_ = user;
  accepted_ = found.has_value() && (acting_as == nullptr || *acting_as == '\0' || user == acting_as);
  const auto set = [&](Gsasl_property property, const std::string& value) {
    return gsasl_property_set(session, property, value.c_str());
  };
  int code = set(GSASL_SCRAM_ITER, std::to_string(keys.iterations));
  if (code == GSASL_OK) code = set(GSASL_SCRAM_SALT, mail::encode_base64(keys.salt));
  if (code == GSASL_OK) code = set(GSASL_SCRAM_STOREDKEY, mail::encode_base64(keys.stored_key));
  if (code == GSASL_OK) code = set(GSASL_SCRAM_SERVERKEY, mail::encode_base64(keys.server_key));
  return code;
}

}  // namespace

std::unique_ptr<ServerExchange> make_server_exchange(std::string_view mechanism, KeyLookup lookup) {
  constexpr std::array<std::string_view, 3> kMechanisms{"SCRAM-SHA-256", "PLAIN", "LOGIN"};
  std::string name(mechanism);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (std::find(kMechanisms.begin(), kMechanisms.end(), name) == kMechanisms.end()) return nullptr;
  return std::make_unique<GsaslServer>(std::move(name), std::move(lookup));
}

std::vector<std::string> server_mechanisms(bool cleartext_allowed) {
  if (cleartext_allowed) return {"SCRAM-SHA-256", "PLAIN", "LOGIN"};
  return {"SCRAM-SHA-256"};
}

}  // namespace mailstead::sasl
