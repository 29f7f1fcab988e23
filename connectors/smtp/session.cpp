#include "connectors/smtp/session.h"

#include <algorithm>

#include "connectors/smtp/sign_in.h"
#include "connectors/smtp/verdict.h"
#include "mail/ascii.h"
#include "mail/failure.h"

namespace mailstead::smtp {
namespace {

using delivery::Reply;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// A host name is what we know it to be, or an address literal that says nothing (RFC 5321 §4.1.4).
std::string helo_argument(const std::string& name) {
  auto fits = [](char c) {
    return mail::is_letter(c) || mail::is_digit(c) || c == '-' || c == '.' || c == '[' || c == ']' || c == ':';
  };
  bool usable = !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), fits);
  return usable ? name : "[127.0.0.1]";
}

[[noreturn]] void refused(const RelaySettings& settings, const std::string& what, const WireReply& reply) {
  throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                server_name(settings) + ": " + what + ": " + kept_reply(reply, Reply::Kind::kTemporary).line());
}

void read_greeting(Session& session, const RelaySettings& settings) {
  auto reply = session.chat.read_reply(settings.timeouts.greeting);
  if (judge(Stage::kGreeting, reply).kind != Reply::Kind::kAccepted) {
    refused(settings, "the server does not want to talk", reply);
  }
  session.greeting = kept_reply(reply, Reply::Kind::kAccepted).text;
}

WireReply ask_hello(Session& session, const RelaySettings& settings, const char* verb) {
  session.chat.send(std::string(verb) + ' ' + helo_argument(settings.helo_name) + "\r\n", settings.timeouts.hello);
  return session.chat.read_reply(settings.timeouts.hello);
}

// HELO only where neither TLS nor a sign-in would be lost by it.
bool may_fall_back(const RelaySettings& settings, const WireReply& reply) {
  return settings.dialect == Dialect::kSmtp && reply.category() == 5 &&
         settings.endpoint.tls != net::TlsMode::kStartTls && settings.credentials.user.empty();
}

void say_hello(Session& session, const RelaySettings& settings) {
  const char* verb = settings.dialect == Dialect::kLmtp ? "LHLO" : "EHLO";
  auto reply = ask_hello(session, settings, verb);
  session.extensions = {};
  if (judge(Stage::kHello, reply).kind == Reply::Kind::kAccepted) {
    session.extensions = parse_extensions(reply);
    return;
  }
  if (!may_fall_back(settings, reply)) refused(settings, std::string(verb) + " refused", reply);
  reply = ask_hello(session, settings, "HELO");
  if (judge(Stage::kHello, reply).kind != Reply::Kind::kAccepted) refused(settings, "HELO refused", reply);
}

void start_tls(Session& session, const RelaySettings& settings) {
  if (!session.extensions.start_tls) {
    throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                  server_name(settings) +
                      ": the server does not offer STARTTLS, without which nothing is sent: if it " +
                      "has a TLS port (465), set \"tls\": \"implicit\"");
  }
  session.chat.send("STARTTLS\r\n", settings.timeouts.sign_in);
  auto reply = session.chat.read_reply(settings.timeouts.sign_in);
  if (judge(Stage::kStartTls, reply).kind != Reply::Kind::kAccepted) refused(settings, "STARTTLS refused", reply);
  session.chat.start_tls(settings.endpoint.tls_settings, settings.endpoint.host, settings.timeouts.sign_in);
  say_hello(session, settings);
}

}  // namespace

std::string server_name(const RelaySettings& settings) {
  return settings.endpoint.is_private_line() ? settings.endpoint.place() : settings.endpoint.host;
}

std::unique_ptr<Session> open_session(const RelaySettings& settings, const Dialer& dialer,
                                      const net::Deadline& deadline) {
  auto dialling = deadline.capped(settings.endpoint.timeouts.connect + settings.timeouts.sign_in);
  auto session = std::make_unique<Session>(dialer(settings.endpoint, dialling), deadline);
  read_greeting(*session, settings);
  say_hello(*session, settings);
  if (settings.endpoint.tls == net::TlsMode::kStartTls) start_tls(*session, settings);
  if (!settings.credentials.user.empty()) sign_in(*session, settings);
  return session;
}

}  // namespace mailstead::smtp
