#include "connectors/pop3/client/authentication.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "connectors/pop3/client/refusal.h"
#include "connectors/pop3/codec/apop.h"
#include "mail/failure.h"
#include "mail/header.h"
#include "mail/transfer_encoding.h"

namespace mailstead::pop3 {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::string_view kApop = "APOP";
constexpr std::string_view kUserPass = "USER/PASS";
constexpr std::size_t kMaxAttempts = 3;
constexpr std::size_t kMaxRounds = 16;          // of one SASL exchange
constexpr std::size_t kMaxCommandOctets = 255;  // RFC 2449 §4, with CRLF; longer responses go in a line of their own

Failure misconfigured(const std::string& text) {
  return {FailureKind::kConfiguration, FailureScope::kAccount, text};
}

void require_one_line(std::string_view text, const char* what) {
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    throw misconfigured(std::string("the ") + what + " contains a line end or NUL, which POP3 cannot send");
  }
}

mail::Secret password_of(const sasl::Credentials& credentials) {
  if (!credentials.password) throw misconfigured("no password is configured");
  mail::Secret password = credentials.password();
  require_one_line(password.reveal(), "password");
  return password;
}

void send_secretly(Connection& connection, std::string line) {
  mail::Secret wiped(std::move(line));
  connection.send(wiped.reveal());
}

// The refusal of one way; its views belong to the connection's last reply.
using Refusal = std::optional<Reply>;

Refusal refused_unless_ok(Connection& connection, const Reply& reply) {
  if (reply.ok()) return std::nullopt;
  if (reply.kind == ReplyKind::kContinuation) connection.violate("a continuation that nothing asked for");
  return reply;
}

Refusal try_user_pass(Connection& connection, const sasl::Credentials& credentials) {
  require_one_line(credentials.user, "user name");
  mail::Secret password = password_of(credentials);
  if (Refusal refusal = refused_unless_ok(connection, connection.exchange("USER " + credentials.user))) return refusal;
  send_secretly(connection, "PASS " + std::string(password.reveal()) + "\r\n");
  return refused_unless_ok(connection, connection.read_reply());
}

Refusal try_apop(Connection& connection, const sasl::Credentials& credentials, std::string_view challenge) {
  require_one_line(credentials.user, "user name");
  mail::Secret password = password_of(credentials);
  return refused_unless_ok(
      connection, connection.exchange("APOP " + credentials.user + " " + apop_digest(challenge, password.reveal())));
}

class SaslAttempt {
 public:
  SaslAttempt(Connection& connection, std::string mechanism, const sasl::Credentials& credentials,
              const std::string& host)
      : connection_(connection),
        mechanism_(std::move(mechanism)),
        exchange_(sasl::make_exchange(mechanism_, credentials, "pop", host)) {}

  Refusal run() {
    begin();
    for (std::size_t round = 0; round < kMaxRounds; ++round) {
      Reply reply = connection_.read_reply();
      if (reply.ok()) return finish();
      if (reply.kind == ReplyKind::kError) return reply;
      auto challenge = reply.text.size() <= mail::kMaxSaslMessage ? mail::decode_base64(reply.text) : std::nullopt;
      if (!challenge) return cancel();
      answer(*challenge);
    }
    return cancel();
  }

 private:
  // QUIRK: Exchange takes XOAUTH2 only in two steps (getmail6#256)
  [[nodiscard]] bool may_respond_at_once() const { return mechanism_ != "XOAUTH2" && mechanism_ != "OAUTHBEARER"; }

  void begin() {
    if (!exchange_->client_first()) return connection_.send("AUTH " + mechanism_ + "\r\n");
    std::string response = encoded(exchange_->step(""));
    std::string command = "AUTH " + mechanism_ + " " + (response.empty() ? "=" : response) + "\r\n";
    if (may_respond_at_once() && command.size() <= kMaxCommandOctets) {
      return send_secretly(connection_, std::move(command));
    }
    waiting_response_ = mail::Secret(std::move(response));
    connection_.send("AUTH " + mechanism_ + "\r\n");
  }

  void answer(const std::string& challenge) {
    if (waiting_response_) {
      std::string line = std::string(waiting_response_->reveal()) + "\r\n";
      waiting_response_.reset();
      return send_secretly(connection_, std::move(line));
    }
    std::string response;
    try {
      response = encoded(exchange_->step(challenge));
    } catch (const Failure&) {
      // The server's proof is wrong: it learns nothing more from us, by no other mechanism either.
      (void)cancel();
      throw;
    }
    send_secretly(connection_, response + "\r\n");
  }

  static std::string encoded(std::string response) {
    mail::Secret wiped(std::move(response));
    return mail::encode_base64(wiped.reveal());
  }

  Refusal finish() {
    if (exchange_->complete()) return std::nullopt;
    throw Failure(
        FailureKind::kAuthentication, FailureScope::kAccount,
        connection_.name() + ": the server ended " + mechanism_ + " without proving that it knows the password");
  }

  // RFC 5034 §4: "*" cancels; the server answers -ERR.
  Refusal cancel() {
    connection_.send("*\r\n");
    Reply reply = connection_.read_reply();
    if (reply.kind != ReplyKind::kError) connection_.violate("the cancelled AUTH was not answered by -ERR");
    return reply;
  }

  Connection& connection_;
  std::string mechanism_;
  std::unique_ptr<sasl::ClientExchange> exchange_;
  std::optional<mail::Secret> waiting_response_;
};

std::vector<std::string> ways(Connection& connection, const Capabilities& capabilities, const std::string& greeting,
                              const sasl::Credentials& credentials) {
  bool has_challenge = apop_challenge(greeting).has_value();
  if (mail::iequals(credentials.mechanism, "apop")) {
    if (!has_challenge) throw misconfigured(connection.name() + ": the server offers no APOP: choose another auth");
    return {std::string(kApop)};
  }
  std::string why;
  // Without SASL in CAPA, USER is what RFC 1939 servers have.
  bool has_user = capabilities.user || capabilities.mechanisms.empty();
  std::vector<std::string> names =
      sasl::choose_mechanisms(capabilities.mechanisms, credentials, connection.is_private(), has_user, why);
  if (names.empty()) {
    throw Failure(FailureKind::kAuthentication, FailureScope::kAccount, connection.name() + ": " + why);
  }
  if (names.back().empty()) {
    names.back() = kUserPass;
    bool fits = has_challenge && connection.stream().tls() && mail::iequals(credentials.mechanism, "auto");
    if (fits) names.insert(names.end() - 1, std::string(kApop));
  }
  return names;
}

}  // namespace

std::string authenticate(Connection& connection, const Capabilities& capabilities, const std::string& greeting,
                         const sasl::Credentials& credentials, const std::string& host) {
  std::vector<std::string> names = ways(connection, capabilities, greeting, credentials);
  std::size_t attempts = std::min(names.size(), kMaxAttempts);
  for (std::size_t i = 0;; ++i) {
    const std::string& name = names[i];
    Refusal refusal = name == kUserPass ? try_user_pass(connection, credentials)
                      : name == kApop   ? try_apop(connection, credentials, *apop_challenge(greeting))
                                        : SaslAttempt(connection, name, credentials, host).run();
    if (!refusal) return name;
    if (i + 1 >= attempts || is_final_for_sign_in(*refusal)) throw sign_in_failure(connection.name(), *refusal);
  }
}

}  // namespace mailstead::pop3
