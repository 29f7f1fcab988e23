#include "connectors/sasl/scram_server.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "connectors/sasl/scram.h"
#include "mail/limits.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

// "x=value" at the front of `text`, which loses it and its comma; nullopt when something else is there.
std::optional<std::string_view> take(std::string_view& text, char name) {
  if (text.size() < 2 || text[0] != name || text[1] != '=') return std::nullopt;
  const auto end = text.find(',');
  const std::string_view value = text.substr(2, end == std::string_view::npos ? end : end - 2);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return value;
}

// saslname (RFC 5802 §7): "=2C" is a comma, "=3D" an equals sign.
std::optional<std::string> name_of(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view code = text.substr(i, 3);
    if (text[i] == '\0') return std::nullopt;
    if (text[i] != '=') {
      name += text[i];
    } else if (code == "=2C" || code == "=3D") {
      name += code == "=2C" ? ',' : '=';
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return name.empty() ? std::nullopt : std::optional(name);
}

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kMaxScramNonce &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f' && c != ','; });
}

class ScramServer final : public ServerExchange {
 public:
  ScramServer(const std::string& mechanism, KeyLookup lookup, std::vector<connectors::ChannelBinding> bindings,
              std::string nonce)
      : hash_(ScramHash::of(mechanism)),
        sha256_(mechanism.starts_with("SCRAM-SHA-256")),
        binds_(mechanism.ends_with(kPlus)),
        bindings_(std::move(bindings)),
        lookup_(std::move(lookup)),
        nonce_(std::move(nonce)) {}

  [[nodiscard]] State step(std::optional<std::string_view> response, std::string& challenge) override {
    challenge.clear();
    const Phase phase = std::exchange(phase_, Phase::kFailed);  // until this step has ended well
    if (response && response->size() > mail::kMaxSaslMessage) return fail();
    if (phase == Phase::kFirst && !response && !asked_) {
      asked_ = true;
      phase_ = Phase::kFirst;  // the client speaks first
      return State::kContinue;
    }
    if (!response) return fail();
    switch (phase) {
      case Phase::kFirst: return begin(*response, challenge);
      case Phase::kProof: return verify(*response, challenge);
      case Phase::kLastWord:
        if (!response->empty()) return fail();
        phase_ = Phase::kDone;
        return State::kSuccess;
      default: return fail();
    }
  }
  [[nodiscard]] const Identity& identity() const noexcept override { return identity_; }
  [[nodiscard]] bool decided() const noexcept override { return phase_ != Phase::kFirst && phase_ != Phase::kProof; }
  [[nodiscard]] const std::string& claimed_user() const noexcept override { return claimed_; }

 private:
  enum class Phase { kFirst, kProof, kLastWord, kDone, kFailed };

  State fail() {
    phase_ = Phase::kFailed;
    identity_ = {};
    return State::kFailed;
  }
  State begin(std::string_view message, std::string& challenge);
  State verify(std::string_view message, std::string& challenge);
  [[nodiscard]] bool take_flag(std::string_view& message);
  [[nodiscard]] bool take_header(std::string_view& message);
  [[nodiscard]] const ScramPair* pair_of(const ScramKeys& keys) const;
  [[nodiscard]] const ScramPair* proven(std::string_view proof, const std::string& auth_message);

  const ScramHash hash_;
  const bool sha256_, binds_;
  const std::vector<connectors::ChannelBinding> bindings_;
  const KeyLookup lookup_;
  Phase phase_ = Phase::kFirst;
  bool asked_ = false;
  std::string nonce_;     // ours alone, then the client's and ours
  std::string header_;    // gs2-header
  std::string bound_to_;  // the binding's octets
  std::string first_bare_, first_ours_;
  std::string acting_as_;
  std::optional<UserKeys> keys_;
  std::string claimed_;
  bool known_ = false;  // the name is one of ours, and the client acts as itself
  Identity identity_;
};

// gs2-cbind-flag (RFC 5802 §6): p binds to the type that it names, n cannot, y could and believes that we cannot.
bool ScramServer::take_flag(std::string_view& message) {
  if (binds_) {
    const auto type = take(message, 'p');
    const auto found = std::find_if(bindings_.begin(), bindings_.end(),
                                    [&](const auto& binding) { return type && binding.type == *type; });
    if (found == bindings_.end()) return false;
    bound_to_ = found->data;
    return true;
  }
  const bool cannot = message.starts_with("n,");
  if (!cannot && !(message.starts_with("y,") && bindings_.empty())) return false;
  message.remove_prefix(2);
  return true;
}

// gs2-header: whether the client binds, and as whom it wants to act (RFC 5802 §7).
bool ScramServer::take_header(std::string_view& message) {
  const std::string_view whole = message;
  if (!take_flag(message)) return false;
  if (message.starts_with("a=")) {
    const auto name = name_of(*take(message, 'a'));
    if (!name) return false;
    acting_as_ = *name;
  } else if (message.starts_with(',')) {
    message.remove_prefix(1);
  } else {
    return false;
  }
  header_ = std::string(whole.substr(0, whole.size() - message.size()));
  return true;
}

// client-first-message-bare: a mandatory extension ("m=") is one that we do not know.
ServerExchange::State ScramServer::begin(std::string_view message, std::string& challenge) {
  if (!take_header(message)) return fail();
  first_bare_ = std::string(message);
  const auto encoded = take(message, 'n');
  const auto user = encoded ? name_of(*encoded) : std::nullopt;
  const auto nonce = user ? take(message, 'r') : std::nullopt;
  if (!nonce || !is_nonce(*nonce)) return fail();
  keys_ = lookup_.find(*user);
  known_ = keys_ && (acting_as_.empty() || acting_as_ == *user);
  if (!keys_) keys_.emplace(decoy_keys(lookup_.decoy_secret, *user));
  claimed_ = identity_.user = *user;
  nonce_ = std::string(*nonce) + nonce_;
  challenge = first_ours_ = "r=" + nonce_ + ",s=" + mail::encode_base64(keys_->password.salt) +
                            ",i=" + std::to_string(keys_->password.iterations);
  phase_ = Phase::kProof;
  return State::kContinue;
}

ServerExchange::State ScramServer::verify(std::string_view message, std::string& challenge) {
  const auto before_proof = message.rfind(",p=");
  if (before_proof == std::string_view::npos) return fail();
  const auto proof = mail::decode_base64(message.substr(before_proof + 3));
  const std::string without_proof(message.substr(0, before_proof));
  std::string_view rest = without_proof;
  const auto encoded = take(rest, 'c');
  const auto channel = encoded ? mail::decode_base64(*encoded) : std::nullopt;
  const auto nonce = channel ? take(rest, 'r') : std::nullopt;
  if (!nonce || *nonce != nonce_ || *channel != header_ + bound_to_ || !proof || proof->size() != hash_.size())
    return fail();
  const std::string auth_message = first_bare_ + ',' + first_ours_ + ',' + without_proof;
  const ScramPair* pair = proven(*proof, auth_message);
  if (pair == nullptr || !known_) return fail();
  identity_.stored_key = pair->stored_key;
  challenge = "v=" + mail::encode_base64(hash_.hmac(pair->server_key, auth_message));
  keys_.reset();
  phase_ = Phase::kLastWord;
  return State::kContinue;
}

const ScramPair* ScramServer::pair_of(const ScramKeys& keys) const {
  if (keys.salt != keys_->password.salt || keys.iterations != keys_->password.iterations) return nullptr;
  return sha256_ ? &keys.sha256 : keys.sha1 ? &*keys.sha1 : nullptr;
}

// The keys of the password that the client proved: all are tried, whichever fits.
const ScramPair* ScramServer::proven(std::string_view proof, const std::string& auth_message) {
  const auto fits = [&](const ScramPair* pair) {
    if (pair == nullptr) return false;
    const std::string key = exclusive_or(proof, hash_.hmac(pair->stored_key, auth_message));
    return mail::equal_in_constant_time(hash_.hash(key), pair->stored_key);
  };
  const ScramPair* own = pair_of(keys_->password);
  const ScramPair* found = fits(own) ? own : nullptr;
  for (const auto& app : keys_->app_passwords) {
    const ScramPair* pair = pair_of(app.keys);
    if (!fits(pair)) continue;
    found = pair;
    identity_.app_password = app.name;
  }
  return found;
}

}  // namespace

std::unique_ptr<ServerExchange> make_scram_server(const std::string& mechanism, KeyLookup lookup,
                                                  std::vector<connectors::ChannelBinding> bindings) {
  return make_scram_server(mechanism, std::move(lookup), std::move(bindings), new_nonce());
}

std::unique_ptr<ServerExchange> make_scram_server(const std::string& mechanism, KeyLookup lookup,
                                                  std::vector<connectors::ChannelBinding> bindings,
                                                  const std::string& nonce) {
  return std::make_unique<ScramServer>(mechanism, std::move(lookup), std::move(bindings), nonce);
}

}  // namespace mailstead::sasl
