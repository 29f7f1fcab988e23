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
Capabilities ask_capabilities(Connection& connection, const net::Timeouts& timeouts, bool asked = false) {
  Capabilities capabilities;
  if (!asked) connection.send("CAPA\r\n");
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

// Behind the sign-in a server leaves out what concerns the sign-in alone.
void add_later_answer(Capabilities& capabilities, Capabilities later) {
  later.mechanisms = std::move(capabilities.mechanisms);
  later.stls = capabilities.stls;
  later.user = capabilities.user;
  later.utf8 = capabilities.utf8;
  later.response_codes |= capabilities.response_codes;
  later.authentication_codes |= capabilities.authentication_codes;
  if (later.login_delay.count() == 0) later.login_delay = capabilities.login_delay;
  if (!later.expire_days) later.expire_days = capabilities.expire_days;
  capabilities = std::move(later);
}

// The server did not survive CAPA.
struct CapaFailed {};

class Attempt {
 public:
  struct Plan {
    bool asks_capa = true;
    bool pipelines = true;
  };
  Attempt(const retrieval::AccountSettings& settings, ServerMemory& memory, const SessionWish& wish, Plan plan)
      : settings_(settings), memory_(memory), wish_(wish), plan_(plan) {}

  SignedIn run(const retrieval::Dialer& dialer, const net::Deadline& total) {
    const net::Timeouts& timeouts = settings_.endpoint.timeouts;
    result_.connection = std::make_unique<Connection>(dialer(settings_.endpoint, total.capped(timeouts.connect)),
                                                      settings_.endpoint, total);
    std::string greeting = read_greeting(*result_.connection, timeouts);
    result_.greeting = mail::printable(greeting, 200);
    if (settings_.endpoint.tls == net::TlsMode::kStartTls) require_tls(*result_.connection);
    learn_capabilities();
    ask_for_utf8();
    const std::string along = what_goes_along();
    SignInWay way = authenticate(*result_.connection,
                                 {result_.capabilities, greeting, settings_.credentials, settings_.endpoint, along});
    result_.mechanism = std::move(way.name);
    if (!way.along) result_.asked = {};
    if (way.along) read_later_answer();
    return std::move(result_);
  }

 private:
  void learn_capabilities() {
    if (!plan_.asks_capa) return;
    if (!wish_.fresh && memory_.is_fresh(wish_.now)) {
      result_.capabilities = memory_.capabilities;
      return;
    }
    try {
      result_.capabilities = ask_capabilities(*result_.connection, settings_.endpoint.timeouts);
    } catch (const Failure& failure) {
      if (failure.kind() != FailureKind::kTemporary) throw;
      result_.connection->close();
      throw CapaFailed();
    }
    memory_.capabilities = result_.capabilities;
    memory_.asked = wish_.now;
  }

  [[nodiscard]] bool pipelines() const { return plan_.pipelines && result_.capabilities.pipelining; }

  // RFC 6856 §2.1: before the sign-in. Whatever the answer is: without it the server may hide messages ([UTF8]), with
  // it they come as they are.
  void ask_for_utf8() {
    if (!result_.capabilities.utf8) return;
    if (pipelines()) return result_.connection->queue("UTF8\r\n");
    (void)result_.connection->exchange("UTF8");
  }

  [[nodiscard]] std::string what_goes_along() {
    if (!pipelines() || !wish_.lists) return {};
    result_.asked = {true, wish_.wants_sizes};
    return wish_.wants_sizes ? "CAPA\r\nUIDL\r\nLIST\r\n" : "CAPA\r\nUIDL\r\n";
  }

  // The answer to CAPA comes at once, as that to UIDL may not: its absence tells that what came along was lost.
  void read_later_answer() {
    try {
      Capabilities later = ask_capabilities(*result_.connection, settings_.endpoint.timeouts, true);
      if (later.known) add_later_answer(result_.capabilities, std::move(later));
    } catch (const Failure& failure) {
      if (failure.kind() != FailureKind::kTemporary && failure.kind() != FailureKind::kProtocol) throw;
      result_.connection->close();
      throw PipelineBroken();
    }
  }

  const retrieval::AccountSettings& settings_;
  ServerMemory& memory_;
  const SessionWish& wish_;
  const Plan plan_;
  SignedIn result_;
};

// QUIRK: POP3 servers that hang or close on CAPA (fetchmail FAQ R11, O11): dialled again and not asked
SignedIn with_or_without_capa(const retrieval::AccountSettings& settings, const retrieval::Dialer& dialer,
                              ServerMemory& memory, const SessionWish& wish, bool pipelines,
                              const net::Deadline& total) {
  if (memory.asks_capabilities()) {
    try {
      SignedIn result = Attempt(settings, memory, wish, {true, pipelines}).run(dialer, total);
      memory.capa_failures = 0;
      return result;
    } catch (const CapaFailed&) {
      memory.capabilities = {};
    }
    SignedIn result = Attempt(settings, memory, wish, {false, false}).run(dialer, total);
    ++memory.capa_failures;
    return result;
  }
  return Attempt(settings, memory, wish, {false, false}).run(dialer, total);
}

}  // namespace

SignedIn sign_in(const retrieval::AccountSettings& settings, const retrieval::Dialer& dialer, ServerMemory& memory,
                 const SessionWish& wish, const net::Deadline& total) {
  try {
    if (!wish.one_by_one && !memory.login_pipeline.given_up(wish.now)) {
      try {
        return with_or_without_capa(settings, dialer, memory, wish, true, total);
      } catch (const PipelineBroken&) {
        // QUIRK: servers (and proxies in front of them) that throw away what follows the sign-in in the same packet
        SignedIn result = with_or_without_capa(settings, dialer, memory, wish, false, total);
        memory.login_pipeline.fail(wish.now);
        return result;
      }
    }
    return with_or_without_capa(settings, dialer, memory, wish, false, total);
  } catch (const Failure& failure) {
    // What the server offered may be another now.
    if (failure.kind() == FailureKind::kAuthentication) memory.capabilities = {};
    throw;
  }
}

}  // namespace mailstead::pop3
