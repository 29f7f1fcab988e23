#include "connectors/smtp/sign_in.h"

#include <optional>
#include <string_view>
#include <utility>

#include "connectors/smtp/verdict.h"
#include "mail/failure.h"
#include "mail/limits.h"
#include "mail/secret.h"
#include "mail/transfer_encoding.h"

namespace mailstead::smtp {
namespace {

using delivery::Reply;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using mail::Secret;

constexpr int kMaxRounds = 20;
constexpr std::size_t kMaxInitialLine = 510;  // RFC 4954 §4: a longer initial response waits for its 334

bool is_local(const std::string& peer) {
  return peer == "local" || peer.starts_with("127.") || peer.starts_with("[::1]") || peer.starts_with("::1");
}

class Exchange {
 public:
  Exchange(Session& session, const RelaySettings& settings, const std::string& mechanism)
      : chat_(session.chat),
        settings_(settings),
        mechanism_(mechanism),
        steps_(sasl::make_exchange(
            mechanism, settings.credentials, settings.dialect == Dialect::kLmtp ? "lmtp" : "smtp",
            settings.endpoint.host,
            sasl::binding_for(mechanism, session.extensions.mechanisms, session.chat.channel_binding()))) {}

  // Its reasons within the exchange, for a refusal's text.
  [[nodiscard]] std::string server_words() const {
    const std::string words = steps_->server_words();
    return words.empty() ? words : " (" + words + ")";
  }

  // The server's last word, which is neither 334 nor out of step.
  WireReply run() {
    auto reply = begin();
    for (int round = 0; reply.code == 334; ++round) {
      if (round == kMaxRounds) broken("the server's challenges do not end");
      reply = answer(reply);
    }
    if (reply.category() == 3) broken("the server's answer fits no sign-in");
    if (reply.category() == 2 && !steps_->complete()) {
      throw Failure(FailureKind::kAuthentication, FailureScope::kAccount,
                    server_name(settings_) + ": the server let us in by " + mechanism_ +
                        " without proving that it knows the password");
    }
    return reply;
  }

 private:
  WireReply begin() {
    std::string command = "AUTH " + mechanism_;
    if (!steps_->client_first()) return ask(command + "\r\n");
    Secret initial(encoded_step(""));
    // RFC 4954 §4: an empty initial response is "=", which differs from none.
    Secret line(command + ' ' + (initial.empty() ? "=" : std::string(initial.reveal())) + "\r\n");
    if (line.reveal().size() <= kMaxInitialLine) return ask(line.reveal());
    auto reply = ask(command + "\r\n");
    if (reply.code != 334) return reply;
    return ask(Secret(std::string(initial.reveal()) + "\r\n").reveal());
  }

  WireReply answer(const WireReply& challenge) {
    std::optional<std::string> decoded;
    const auto& text = challenge.lines.front();
    if (challenge.lines.size() == 1 && text.size() <= mail::kMaxSaslMessage) decoded = mail::decode_base64(text);
    // QUIRK: some servers say "334 " with words where the mechanism wants nothing — Exim, msmtp NEWS.
    if (!decoded && steps_->client_first() && steps_->complete()) decoded = "";
    if (!decoded) {
      cancel();
      broken("the server's challenge is not base64");
    }
    try {
      return ask(Secret(encoded_step(*decoded) + "\r\n").reveal());
    } catch (const Failure& failure) {
      if (failure.kind() == FailureKind::kAuthentication) cancel();
      throw;
    }
  }

  std::string encoded_step(std::string_view challenge) {
    Secret response(steps_->step(challenge));
    return mail::encode_base64(response.reveal());
  }

  WireReply ask(std::string_view line) {
    chat_.send(line, settings_.timeouts.sign_in);
    return chat_.read_reply(settings_.timeouts.sign_in);
  }

  // RFC 4954 §4: the server must answer 501; the session ends whatever it says.
  void cancel() { static_cast<void>(ask("*\r\n")); }

  [[noreturn]] void broken(const char* what) {
    throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                  server_name(settings_) + ": " + what + " (AUTH " + mechanism_ + ")");
  }

  Chat& chat_;
  const RelaySettings& settings_;
  const std::string& mechanism_;
  std::unique_ptr<sasl::ClientExchange> steps_;
};

// RFC 4954 §4, §6: 504 unknown mechanism, 534 too weak, 538 needs encryption, 500 to 503 not understood.
bool dislikes_mechanism(int code) noexcept {
  return code == 504 || code == 534 || code == 538 || (code >= 500 && code <= 503);
}

std::vector<std::string> usable_mechanisms(const Session& session, const RelaySettings& settings) {
  std::string why;
  bool protected_path =
      session.chat.tls().has_value() || settings.endpoint.is_private_line() || is_local(session.chat.peer());
  auto mechanisms = sasl::choose_mechanisms(session.extensions.mechanisms, settings.credentials, protected_path, false,
                                            why, session.chat.channel_binding().has_value());
  if (mechanisms.empty()) {
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  server_name(settings) + ": cannot sign in: " + why);
  }
  return mechanisms;
}

}  // namespace

void sign_in(Session& session, const RelaySettings& settings) {
  WireReply reply;
  std::string words;
  for (const auto& mechanism : usable_mechanisms(session, settings)) {
    Exchange exchange(session, settings, mechanism);
    reply = exchange.run();
    words = exchange.server_words();
    if (reply.category() == 2) {
      session.mechanism = mechanism;
      return;
    }
    if (!dislikes_mechanism(reply.code)) break;
  }
  bool refused = reply.category() == 5;
  throw Failure(refused ? FailureKind::kAuthentication : FailureKind::kTemporary,
                refused ? FailureScope::kAccount : FailureScope::kSession,
                server_name(settings) + ": sign-in as \"" + settings.credentials.user +
                    "\" refused: " + kept_reply(reply, Reply::Kind::kTemporary).line() + words);
}

}  // namespace mailstead::smtp
