#include "connectors/pop3/client/sign_in.h"

#include <algorithm>

#include "connectors/pop3/client/authentication.h"
#include "connectors/pop3/client/refusal.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::pop3 {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::chrono::seconds kCapaWait{30};
constexpr std::size_t kMaxCapaLines = 1000;

std::string read_greeting(Connection& connection, const net::Timeouts& timeouts) {
  Reply reply = connection.read_reply(timeouts.greeting);
  if (reply.kind == ReplyKind::kContinuation) connection.violate("this is no POP3 greeting");
  if (!reply.ok()) throw refusal_failure(connection.name(), "the connection was", reply);
  return std::string(reply.text);
}

// A refusal is an answer: nothing is announced then.
Capabilities ask_capabilities(Connection& connection, const net::Timeouts& timeouts) {
  Capabilities capabilities;
  connection.send("CAPA\r\n");
  if (!connection.read_reply(std::min(kCapaWait, timeouts.command)).ok()) return capabilities;
  capabilities.known = true;
  connection.read_lines(mail::kMaxReplyLine, kMaxCapaLines, [&](std::string_view line, bool cut) {
    if (!cut) capabilities.add(line);
  });
  return capabilities;
}

// STLS is asked for whatever the server announced in the clear, where the list may have been forged (RFC 2595 §4).
void require_tls(Connection& connection) {
  Reply reply = connection.exchange("STLS");
  if (reply.kind == ReplyKind::kContinuation) connection.violate("a continuation instead of an answer to STLS");
  if (!reply.ok()) {
    throw Failure(FailureKind::kTemporary, FailureScope::kAccount,
                  connection.name() + ": the server refuses STLS (" + mail::printable(reply.text, 200) +
                      ") and tls is \"starttls\": nothing was sent in the clear; try \"tls\": \"implicit\"");
  }
  connection.start_tls();
}

// The server did not survive CAPA.
struct CapaFailed {};

class Attempt {
 public:
  Attempt(const retrieval::AccountSettings& settings, bool asks_capa) : settings_(settings), asks_capa_(asks_capa) {}

  SignedIn run(const retrieval::Dialer& dialer, const net::Deadline& total) {
    const net::Timeouts& timeouts = settings_.endpoint.timeouts;
    result_.connection = std::make_unique<Connection>(dialer(settings_.endpoint, total.capped(timeouts.connect)),
                                                      settings_.endpoint, total);
    std::string greeting = read_greeting(*result_.connection, timeouts);
    result_.greeting = mail::printable(greeting, 200);
    if (settings_.endpoint.tls == net::TlsMode::kStartTls) require_tls(*result_.connection);
    if (asks_capa_) learn_capabilities();
    result_.mechanism = authenticate(*result_.connection, result_.capabilities, greeting, settings_.credentials,
                                     settings_.endpoint.host);
    return std::move(result_);
  }

 private:
  void learn_capabilities() {
    try {
      result_.capabilities = ask_capabilities(*result_.connection, settings_.endpoint.timeouts);
    } catch (const Failure& failure) {
      if (failure.kind() != FailureKind::kTemporary) throw;
      result_.connection->close();
      throw CapaFailed();
    }
  }

  const retrieval::AccountSettings& settings_;
  const bool asks_capa_;
  SignedIn result_;
};

}  // namespace

SignedIn sign_in(const retrieval::AccountSettings& settings, const retrieval::Dialer& dialer, ServerMemory& memory,
                 const net::Deadline& total) {
  if (memory.asks_capabilities()) {
    try {
      SignedIn result = Attempt(settings, true).run(dialer, total);
      memory.capa_failures = 0;
      return result;
    } catch (const CapaFailed&) {
      // QUIRK: POP3 servers that hang or close on CAPA (fetchmail FAQ R11, O11): retry without
    }
    SignedIn result = Attempt(settings, false).run(dialer, total);
    ++memory.capa_failures;
    return result;
  }
  return Attempt(settings, false).run(dialer, total);
}

}  // namespace mailstead::pop3
