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
    if (held_) return say(output);
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
    if (state_ == State::kSuccess) return sign_in();
    return advance(response.reveal(), output);
  }

  [[nodiscard]] std::size_t line_limit() const noexcept override { return mail::kMaxSaslMessage; }

 private:
  using State = sasl::ServerExchange::State;

  Step advance(std::optional<std::string_view> response, std::string& output) {
    const bool undecided = !exchange_->decided();
    state_ = exchange_->step(response, challenge_);
    if (undecided && exchange_->decided()) {
      if (!session_.judge(exchange_->claimed_user(), state_ != State::kFailed))
        return done_with(session_.refuse_for_now());
      held_ = session_.hold.count() > 0;
      if (held_) return Step::kMore;
    }
    return say(output);
  }

  Step say(std::string& output) {
    held_ = false;
    if (state_ == State::kFailed) return done_with(session_.refuse_sign_in());
    if (state_ == State::kSuccess && challenge_.empty()) return sign_in();
    output += "+ " + mail::encode_base64(challenge_) + "\r\n";
    return Step::kWaitsForLine;
  }

  Step sign_in() { return done_with(session_.sign_in(exchange_->identity())); }
  Step done_with(Answer answer) { return done(answer.kind, std::move(answer.text)); }

  Conversation& session_;
  std::unique_ptr<sasl::ServerExchange> exchange_;
  std::optional<mail::Secret> initial_;
  std::string challenge_;
  State state_ = State::kContinue;
  bool begun_ = false;
  bool held_ = false;  // the result is known and not said yet
};

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
  auto exchange = sasl::make_server_exchange(mechanism, session.context.keys, session.offer());
  if (!exchange) {
    const bool with_tls = !session.cleartext_allowed() && sasl::make_server_exchange(mechanism, session.context.keys);
    return with_tls ? no("[PRIVACYREQUIRED] That mechanism needs TLS.") : no("[CANNOT] Unknown mechanism.");
  }
  if (!session.context.door.may_try(session.caller())) return session.refuse_for_now();
  return std::make_unique<AuthenticateTask>(session, std::move(exchange), std::move(initial));
}

}  // namespace mailstead::imap::commands
