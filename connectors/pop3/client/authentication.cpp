#include "connectors/pop3/client/authentication.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "connectors/pop3/client/refusal.h"
#include "connectors/pop3/codec/apop.h"
#include "mail/ascii.h"
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
constexpr std::size_t kMaxLinesReadOver = 1000;
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

struct Refused {
  Reply reply;          // its views belong to the connection's last reply
  std::string words{};  // why, where that is said within the exchange; printable
  bool spoilt = false;  // the exchange itself could not go on
};
// Of one way; nullopt: it was accepted.
using Refusal = std::optional<Refused>;

Refusal refused_unless_ok(Connection& connection, const Reply& reply) {
  if (reply.ok()) return std::nullopt;
  if (reply.kind == ReplyKind::kContinuation) connection.violate("a continuation that nothing asked for");
  return Refused{reply};
}

// USER and PASS in one flight tell the server no more than one after the other: it is the same peer, behind the same
// TLS.
Refusal try_user_pass(Connection& connection, const SignInRequest& request, bool& sent_along) {
  require_one_line(request.credentials.user, "user name");
  mail::Secret password = password_of(request.credentials);
  std::string pass = "PASS " + std::string(password.reveal()) + "\r\n";
  if (request.along.empty()) {
    Reply reply = connection.exchange("USER " + request.credentials.user);
    if (Refusal refusal = refused_unless_ok(connection, reply)) return refusal;
    send_secretly(connection, std::move(pass));
    return refused_unless_ok(connection, connection.read_reply());
  }
  sent_along = true;
  send_secretly(connection, "USER " + request.credentials.user + "\r\n" + pass + request.along);
  (void)connection.read_reply();  // the answer to PASS decides
  return refused_unless_ok(connection, connection.read_reply());
}

Refusal try_apop(Connection& connection, const SignInRequest& request, bool& sent_along) {
  require_one_line(request.credentials.user, "user name");
  mail::Secret password = password_of(request.credentials);
  std::string digest = apop_digest(*apop_challenge(request.greeting), password.reveal());
  sent_along = !request.along.empty();
  connection.send("APOP " + request.credentials.user + " " + digest + "\r\n" + request.along);
  return refused_unless_ok(connection, connection.read_reply());
}

class SaslAttempt {
 public:
  SaslAttempt(Connection& connection, std::string mechanism, const SignInRequest& request, bool& sent_along)
      : connection_(connection),
        mechanism_(std::move(mechanism)),
        along_(request.along),
        sent_along_(sent_along),
        exchange_(sasl::make_exchange(
            mechanism_, request.credentials, "pop", request.endpoint.host,
            sasl::binding_for(mechanism_, request.capabilities.mechanisms, connection.stream().channel_binding()))) {}

  Refusal run() {
    begin();
    for (std::size_t round = 0; round < kMaxRounds; ++round) {
      Reply reply = connection_.read_reply();
      if (reply.ok()) return finish();
      if (reply.kind == ReplyKind::kError) return Refused{reply, exchange_->server_words()};
      if (sent_along_) throw PipelineBroken();
      auto challenge = reply.text.size() <= mail::kMaxSaslMessage ? mail::decode_base64(reply.text) : std::nullopt;
      if (!challenge) return Refused{cancel(), "its challenge cannot be read", true};
      answer(*challenge);
    }
    return Refused{cancel(), "it asks on and on", true};
  }

 private:
  // QUIRK: Exchange takes XOAUTH2 only in two steps (getmail6#256)
  [[nodiscard]] bool may_respond_at_once() const { return mechanism_ != "XOAUTH2" && mechanism_ != "OAUTHBEARER"; }

  void begin() {
    if (!exchange_->client_first()) return connection_.send("AUTH " + mechanism_ + "\r\n");
    std::string response = encoded(exchange_->step(""));
    std::string command = "AUTH " + mechanism_ + " " + (response.empty() ? "=" : response) + "\r\n";
    if (may_respond_at_once() && command.size() <= kMaxCommandOctets) {
      initial_response_ = mail::Secret(std::move(response));
      return send_response(std::move(command));
    }
    waiting_response_ = mail::Secret(std::move(response));
    connection_.send("AUTH " + mechanism_ + "\r\n");
  }

  void answer(const std::string& challenge) {
    if (waiting_response_) {
      std::string line = std::string(waiting_response_->reveal()) + "\r\n";
      waiting_response_.reset();
      return send_response(std::move(line));
    }
    // QUIRK: servers that overlook an initial response and ask for it (allowed before RFC 5034)
    if (auto overlooked = std::exchange(initial_response_, std::nullopt); overlooked && challenge.empty()) {
      return send_response(std::string(overlooked->reveal()) + "\r\n");
    }
    std::string response;
    try {
      response = encoded(exchange_->step(challenge));
    } catch (const Failure&) {
      // The server's proof is wrong: it learns nothing more from us, by no other mechanism either.
      (void)cancel();
      throw;
    }
    send_response(response + "\r\n");
  }

  // With OAuth a refusal is a challenge more (RFC 7628 §3.2.3): nothing may stand in the way of its answer.
  void send_response(std::string line) {
    sent_along_ = exchange_->complete() && may_respond_at_once() && !along_.empty();
    if (sent_along_) line += along_;
    send_secretly(connection_, std::move(line));
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
  Reply cancel() {
    connection_.send("*\r\n");
    Reply reply = connection_.read_reply();
    if (reply.kind != ReplyKind::kError) connection_.violate("the cancelled AUTH was not answered by -ERR");
    return reply;
  }

  Connection& connection_;
  std::string mechanism_;
  const std::string& along_;
  bool& sent_along_;
  std::unique_ptr<sasl::ClientExchange> exchange_;
  std::optional<mail::Secret> waiting_response_, initial_response_;
};

std::vector<std::string> ways(Connection& connection, const SignInRequest& request) {
  const sasl::Credentials& credentials = request.credentials;
  const Capabilities& capabilities = request.capabilities;
  bool has_challenge = apop_challenge(request.greeting).has_value();
  if (mail::iequals(credentials.mechanism, "apop")) {
    if (!has_challenge) throw misconfigured(connection.name() + ": the server offers no APOP: choose another auth");
    if (!connection.is_private() && !credentials.allow_cleartext) {
      throw misconfigured(connection.name() +
                          ": APOP without TLS gives the password to who can guess it offline: use TLS, or set "
                          "\"allow_cleartext\"");
    }
    return {std::string(kApop)};
  }
  std::string why;
  // Without SASL in CAPA, USER is what RFC 1939 servers have.
  bool has_user = capabilities.user || capabilities.mechanisms.empty();
  std::vector<std::string> names =
      sasl::choose_mechanisms(capabilities.mechanisms, credentials, connection.is_private(), has_user, why,
                              connection.stream().channel_binding().has_value());
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

// What was sent along with a sign-in that was refused is refused as well, but for CAPA.
void read_over_answers(Connection& connection, const std::string& along) {
  for (auto left = std::count(along.begin(), along.end(), '\n'); left > 0; --left) {
    if (connection.read_reply().ok()) connection.read_lines(mail::kMaxReplyLine, kMaxLinesReadOver, [](auto, bool) {});
  }
}

bool shows_password(const std::string& name) {
  return name != kApop && sasl::shows_password(name);
}

// QUIRK: Cyrus 3.6, seen with it: offers -PLUS over TLS 1.3 and knows tls-unique only, which TLS 1.3 has not. Its
// [AUTH] looks like that of a wrong password but for its words, those of SASL_BADPROT. The same mechanism without the
// binding still proves both sides.
bool refuses_binding(const std::string& name, const Refused& refused) {
  if (!name.ends_with("-PLUS")) return false;
  if (refused.reply.code.empty()) return true;
  return refused.reply.has_code("AUTH") && mail::lowered(refused.reply.text).find("bad protocol") != std::string::npos;
}

}  // namespace

SignInWay authenticate(Connection& connection, const SignInRequest& request) {
  const std::vector<std::string> names = ways(connection, request);
  std::optional<Failure> failure;
  bool spoilt = false;
  std::size_t attempts = 0;
  for (const std::string& name : names) {
    if (attempts == kMaxAttempts) break;
    if (spoilt && shows_password(name)) continue;
    ++attempts;
    SignInWay way{name};
    Refusal refusal = name == kUserPass ? try_user_pass(connection, request, way.along)
                      : name == kApop   ? try_apop(connection, request, way.along)
                                        : SaslAttempt(connection, name, request, way.along).run();
    if (!refusal) return way;
    failure = sign_in_failure(connection.name(), request.capabilities, refusal->reply, refusal->words);
    const bool unbound = refuses_binding(name, *refusal);
    if (!unbound && is_final_for_sign_in(refusal->reply)) break;
    // Whoever sits in between would refuse it, too: without a certificate that was checked nothing follows.
    if (unbound && request.endpoint.tls_settings.insecure) break;
    // A way that has shown the password has nothing more to hide.
    spoilt = spoilt || unbound || (refusal->spoilt && !shows_password(name));
    if (!way.along || &name == &names.back()) continue;
    try {
      read_over_answers(connection, request.along);
    } catch (const Failure& broken) {
      if (broken.kind() == FailureKind::kCancelled) throw;
      break;  // it hung up on us: the refusal is what matters
    }
  }
  throw *failure;
}

}  // namespace mailstead::pop3
