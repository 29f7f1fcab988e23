#include "connectors/sasl/scram_client.h"

#include <charconv>
#include <utility>

#include "connectors/sasl/gsasl_library.h"
#include "connectors/sasl/scram.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/limits.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using mail::Secret;

constexpr std::size_t kMaxSalt = 1024;
constexpr std::size_t kMaxWords = 200;

[[noreturn]] void refuse(const std::string& text) {
  throw Failure(FailureKind::kAuthentication, FailureScope::kAccount, text);
}
[[noreturn]] void malformed() {
  refuse("SCRAM: the server's challenge is malformed");
}
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

// "x=value" at the front of `text`, which loses it and its comma.
std::string_view take(std::string_view& text, char name) {
  if (text.size() < 2 || text[0] != name || text[1] != '=') malformed();
  const auto end = text.find(',');
  const std::string_view value = text.substr(2, end == std::string_view::npos ? end : end - 2);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return value;
}

unsigned iterations_of(std::string_view digits) {
  unsigned count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  const bool number = error == std::errc() && end == digits.data() + digits.size();
  if (!number || count < kMinIterations || count > kMaxIterations)
    refuse("SCRAM: the server asks for " + mail::printable(digits, 32) + " iterations, outside of " +
           std::to_string(kMinIterations) + " to " + std::to_string(kMaxIterations));
  return count;
}

class ScramExchange final : public ClientExchange {
 public:
  ScramExchange(const std::string& mechanism, const std::string& user, Secret password,
                const std::optional<connectors::ChannelBinding>& binding, std::string nonce)
      : mechanism_(mechanism),
        hash_(ScramHash::of(mechanism)),
        password_(prepared(password.reveal())),
        nonce_(std::move(nonce)) {
    const bool binds = mechanism.ends_with(kPlus);
    if (binds && !binding)
      throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                    mechanism + " needs TLS 1.3, or TLS 1.2 with the extended master secret");
    gs2_header_ = binds ? "p=" + binding->type + ",," : binding ? "y,," : "n,,";
    channel_ = gs2_header_ + (binds ? binding->data : "");
    first_bare_ = "n=" + saslname(prepared(user)) + ",r=" + nonce_;
  }

  [[nodiscard]] bool client_first() const noexcept override { return true; }
  [[nodiscard]] bool complete() const noexcept override { return state_ == State::kDone; }

  [[nodiscard]] std::string step(std::string_view challenge) override {
    const State state = std::exchange(state_, State::kFailed);  // until this step has ended well
    if (challenge.size() > mail::kMaxSaslMessage) refuse(mechanism_ + ": the server's challenge is too long");
    switch (state) {
      case State::kFirst:
        if (!challenge.empty()) refuse(mechanism_ + ": the server spoke out of turn");
        state_ = State::kProof;
        return gs2_header_ + first_bare_;
      case State::kProof: return prove(challenge);
      case State::kSignature: return verify(challenge);
      default: refuse(mechanism_ + ": the server goes on after the end of the exchange");
    }
  }

 private:
  enum class State { kFirst, kProof, kSignature, kDone, kFailed };

  // server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions] (RFC 5802 §7). A
  // mandatory extension is one that we do not know.
  std::string prove(std::string_view challenge) {
    if (challenge.starts_with("e=")) refused_because(challenge);
    std::string_view rest = challenge;
    const std::string_view nonce = take(rest, 'r');
    if (nonce.size() > kMaxScramNonce) refuse("SCRAM: the server's nonce is too long");
    if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size())
      refuse(mechanism_ + ": the server's nonce is not made from ours");
    const auto salt = mail::decode_base64(take(rest, 's'));
    if (!salt || salt->empty() || salt->size() > kMaxSalt) malformed();
    const unsigned iterations = iterations_of(take(rest, 'i'));

    const std::string final_bare = "c=" + mail::encode_base64(channel_) + ",r=" + std::string(nonce);
    const std::string message = first_bare_ + ',' + std::string(challenge) + ',' + final_bare;
    const Secret salted = hash_.salted_password(password_.reveal(), *salt, iterations);
    const Secret client_key(hash_.hmac(salted.reveal(), "Client Key"));
    const std::string signature = hash_.hmac(hash_.hash(client_key.reveal()), message);
    const std::string proof = exclusive_or(client_key.reveal(), signature);
    expected_ = hash_.hmac(hash_.hmac(salted.reveal(), "Server Key"), message);
    password_ = {};
    state_ = State::kSignature;
    return final_bare + ",p=" + mail::encode_base64(proof);
  }

  std::string verify(std::string_view challenge) {
    if (challenge.starts_with("e=")) refused_because(challenge);
    std::string_view rest = challenge;
    const auto signature = mail::decode_base64(take(rest, 'v'));
    if (!signature || !mail::equal_in_constant_time(*signature, expected_))
      refuse(mechanism_ + ": the server does not know the password either (wrong signature)");
    state_ = State::kDone;
    return {};
  }

  [[noreturn]] void refused_because(std::string_view challenge) {
    refuse("SCRAM: the server refused: " + mail::printable(challenge.substr(2), kMaxWords));
  }

  const std::string mechanism_;
  const ScramHash hash_;
  Secret password_;
  const std::string nonce_;
  std::string gs2_header_, channel_;  // channel_: cbind-input, the header and the binding's octets
  std::string first_bare_;
  std::string expected_;  // the server's signature
  State state_ = State::kFirst;
};

}  // namespace

std::unique_ptr<ClientExchange> make_scram(const std::string& mechanism, const std::string& user, Secret password,
                                           const std::optional<connectors::ChannelBinding>& binding) {
  return make_scram(mechanism, user, std::move(password), binding, new_nonce());
}

std::unique_ptr<ClientExchange> make_scram(const std::string& mechanism, const std::string& user, Secret password,
                                           const std::optional<connectors::ChannelBinding>& binding,
                                           const std::string& nonce) {
  return std::make_unique<ScramExchange>(mechanism, user, std::move(password), binding, nonce);
}

}  // namespace mailstead::sasl
