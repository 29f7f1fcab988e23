#include <optional>

#include "connectors/imap/client/sign_in.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/secret.h"
#include "mail/transfer_encoding.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// RFC 5530 §3: the credentials may be right, only not now.
bool is_only_unavailable(const Completion& end) {
  for (std::string_view code : {"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "OVERQUOTA"}) {
    if (end.has_code(code)) return true;
  }
  return end.status == Status::kBye;
}

Failure refusal(const Completion& end) {
  bool temporary = is_only_unavailable(end);
  std::string words = end.code.empty() ? end.text : "[" + mail::printable(end.code, 60) + "] " + end.text;
  return Failure(temporary ? FailureKind::kTemporary : FailureKind::kAuthentication, FailureScope::kAccount,
                 "the server refused the sign-in: " + words);
}

// A password may go in the clear to a peer on this machine.
bool peer_is_local(Session& session, const net::Endpoint& endpoint) {
  std::string peer = session.stream().peer();
  return !endpoint.unix_socket.empty() || peer == "local" || peer.starts_with("127.") || peer.starts_with("[::1]");
}

// Ends an exchange that cannot go on (RFC 3501 §6.2.2).
Completion abandon(Session& session, Tag tag) {
  session.send_line("*");
  return session.finish(tag);
}

std::string step_or_abandon(Session& session, Tag tag, sasl::ClientExchange& exchange, std::string_view challenge) {
  try {
    return exchange.step(challenge);
  } catch (const Failure&) {
    (void)abandon(session, tag);
    throw;
  }
}

std::optional<std::string> read_challenge(std::string_view base64) {
  if (base64.size() > mail::kMaxSaslMessage) return std::nullopt;
  return mail::decode_base64(base64);
}

Completion exchange_with(Session& session, const net::Endpoint& endpoint, const sasl::Credentials& credentials,
                         const std::string& mechanism, bool initial_response) {
  auto exchange = sasl::make_exchange(mechanism, credentials, "imap", endpoint.host);
  CommandText command("AUTHENTICATE " + mechanism);
  bool owes_initial = exchange->client_first();
  if (owes_initial && initial_response) {
    std::string initial = mail::encode_base64(exchange->step(""));
    command.raw(initial.empty() ? " =" : " " + initial);
    owes_initial = false;
  }
  Tag tag = session.send(command);
  command.wipe();
  ResponseHandler ignore;
  while (true) {
    Step next = session.await_continuation(tag, ignore);
    if (next.kind == Step::Kind::kTagged) {
      if (next.completion.ok() && !exchange->complete()) {
        throw Failure(FailureKind::kAuthentication, FailureScope::kAccount,
                      "the server accepted the sign-in before it had proved who it is (" + mechanism + ")");
      }
      return std::move(next.completion);
    }
    std::optional<std::string> challenge = read_challenge(next.continuation);
    if (owes_initial) challenge = "";
    owes_initial = false;
    if (!challenge) {
      Completion end = abandon(session, tag);
      end.status = Status::kBad;
      end.text = "its challenge cannot be read";
      return end;
    }
    session.send_line(mail::encode_base64(step_or_abandon(session, tag, *exchange, *challenge)));
  }
}

Completion log_in(Session& session, const sasl::Credentials& credentials, const Capabilities& offered) {
  mail::Secret password = credentials.password ? credentials.password() : mail::Secret();
  CommandText command("LOGIN ");
  command.astring(credentials.user, offered).raw(" ").astring(password.reveal(), offered);
  Tag tag = session.send(command);
  command.wipe();
  return session.finish(tag);
}

}  // namespace

std::string authenticate(Session& session, const net::Endpoint& endpoint, const sasl::Credentials& credentials) {
  const Capabilities offered = session.capabilities();
  std::string why;
  bool safe = session.stream().tls().has_value() || peer_is_local(session, endpoint);
  auto mechanisms =
      sasl::choose_mechanisms(offered.mechanisms(), credentials, safe, !offered.has("LOGINDISABLED"), why);
  std::optional<Completion> refused;
  for (const std::string& mechanism : mechanisms) {
    // What was announced before the sign-in does not hold after it.
    session.capabilities() = {};
    Completion end = mechanism.empty()
                         ? log_in(session, credentials, offered)
                         : exchange_with(session, endpoint, credentials, mechanism, offered.has("SASL-IR"));
    if (end.ok()) return mechanism.empty() ? "LOGIN command" : mechanism;
    // A plain NO is a verdict on the credentials: trying the same ones otherwise only locks the account.
    bool verdict = end.status == Status::kNo && !is_only_unavailable(end);
    refused = std::move(end);
    if (verdict) break;
  }
  if (refused) throw refusal(*refused);
  throw Failure(FailureKind::kConfiguration, FailureScope::kAccount, why);
}

}  // namespace mailstead::imap
