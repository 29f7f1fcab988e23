#include "connectors/imap/server/commands/commands.h"

#include <algorithm>
#include <optional>

#include "connectors/imap/server/arguments.h"
#include "mail/ascii.h"
#include "mail/header.h"
#include "mail/secret.h"
#include "mail/transfer_encoding.h"

namespace mailstead::imap::commands {
namespace {

// RFC 3501 §6.2.2, RFC 4959 (initial response).
class AuthenticateTask final : public Task {
 public:
  AuthenticateTask(Conversation& session, std::unique_ptr<sasl::ServerExchange> exchange,
                   std::optional<mail::Secret> initial)
      : session_(session), exchange_(std::move(exchange)), initial_(std::move(initial)) {}

  Step run(std::string& output) override {
    if (begun_) return Step::kWaitsForLine;  // woken for nothing
    begun_ = true;
    std::optional<mail::Secret> initial = std::exchange(initial_, std::nullopt);
    return advance(initial ? std::optional(initial->reveal()) : std::nullopt, output);
  }

  Step line(std::string_view text, std::string& output) override {
    if (text == "*") return done(Answer::Kind::kBad, "Authentication cancelled.");
    auto decoded = mail::decode_base64(text);
    if (!decoded) return done(Answer::Kind::kBad, "That is not base64.");
    mail::Secret response(std::move(*decoded));
    // The last word of the mechanism was ours (RFC 3501 has no room for it in the OK); the client had nothing to add.
    if (succeeded_) return sign_in(output);
    return advance(response.reveal(), output);
  }

  [[nodiscard]] std::size_t line_limit() const noexcept override { return mail::kMaxSaslMessage; }

 private:
  Step advance(std::optional<std::string_view> response, std::string& output) {
    std::string challenge;
    switch (exchange_->step(response, challenge)) {
      case sasl::ServerExchange::State::kFailed: return done_with(session_.refuse_sign_in(output));
      case sasl::ServerExchange::State::kSuccess:
        succeeded_ = true;
        if (challenge.empty()) return sign_in(output);
        break;
      case sasl::ServerExchange::State::kContinue: break;
    }
    output += "+ " + mail::encode_base64(challenge) + "\r\n";
    return Step::kWaitsForLine;
  }

  Step sign_in(std::string& output) { return done_with(session_.sign_in(exchange_->identity(), output)); }
  Step done_with(Answer answer) { return done(answer.kind, std::move(answer.text)); }

  Conversation& session_;
  std::unique_ptr<sasl::ServerExchange> exchange_;
  std::optional<mail::Secret> initial_;
  bool begun_ = false, succeeded_ = false;
};

bool offered(const Conversation& session, std::string_view mechanism) {
  auto names = sasl::server_mechanisms(session.cleartext_allowed());
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return mail::iequals(name, mechanism); });
}

}  // namespace

Outcome authenticate(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  std::string mechanism(arguments.expect_atom());
  std::optional<mail::Secret> initial;
  if (arguments.try_char(' ')) {
    auto decoded = arguments.rest() == "=" ? std::optional<std::string>("") : mail::decode_base64(arguments.rest());
    if (!decoded || arguments.at_end()) reject("the initial response is not base64");
    initial.emplace(std::move(*decoded));
  } else {
    arguments.expect_end();
  }
  if (!offered(session, mechanism)) {
    bool with_tls = !session.cleartext_allowed() && sasl::make_server_exchange(mechanism, session.context.keys);
    return with_tls ? no("[PRIVACYREQUIRED] That mechanism needs TLS.") : no("[CANNOT] Unknown mechanism.");
  }
  auto exchange = sasl::make_server_exchange(mechanism, session.context.keys);
  if (!exchange) return no("[CANNOT] Unknown mechanism.");
  return std::make_unique<AuthenticateTask>(session, std::move(exchange), std::move(initial));
}

}  // namespace mailstead::imap::commands
