#include <algorithm>
#include <array>
#include <optional>

#include "connectors/imap/client/refusal.h"
#include "connectors/imap/client/sign_in.h"
#include "mail/failure.h"
#include "mail/secret.h"
#include "mail/transfer_encoding.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// After a sign-in was accepted, the answer to what travelled behind it is at most this far away; a server that threw it
// away would be waited for in vain.
constexpr std::chrono::milliseconds kPipelinePatience{10'000};

// Complete with their first message.
constexpr std::array<std::string_view, 4> kOneMessage{"PLAIN", "XOAUTH2", "OAUTHBEARER", "EXTERNAL"};

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

CommandText login_command(const sasl::Credentials& credentials, const Capabilities& offered) {
  mail::Secret password = credentials.password ? credentials.password() : mail::Secret();
  CommandText command("LOGIN ");
  command.astring(credentials.user, offered).raw(" ").astring(password.reveal(), offered);
  return command;
}

std::string remembered_as(const std::string& mechanism) {
  return mechanism.empty() ? std::string(AccountMemory::kLoginCommand) : mechanism;
}

bool names(const Capabilities& offer, const std::string& mechanism) {
  return mechanism.empty() ? !offer.has("LOGINDISABLED") : offer.has("AUTH=" + mechanism);
}

// What the answers to a sign-in mean, whoever reads them. Copied into the session; what it points to outlives that.
struct Outcome {
  Session* session;
  AccountMemory* memory;
  std::shared_ptr<Start> start;
  std::string mechanism;

  // The answer to the command right behind the sign-in.
  // QUIRK: Courier 5.1 (LOGIN) and Cyrus 3.6 (SCRAM), seen with both: they throw away what they have read ahead.
  void witnessed(const Completion& end) const {
    start->answered = end.ok();
    session->patience().idle = session->timeouts().command;
    if (end.ok()) {
      memory->pipelining = AccountMemory::Pipelining::kWorks;
    } else if (start->pipelined) {
      throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                    "the server refused what came right behind the sign-in: " + end.text);
    }
  }

  void send_witness() const {
    bool asks = start->pipelined && !memory->tells_after;
    session->send_unwatched(CommandText(asks ? "CAPABILITY" : "NOOP"),
                            [self = *this](const Completion& end) { self.witnessed(end); });
  }

  // Of a sign-in that was only begun.
  void signed_in(const Completion& end) const {
    if (!end.ok()) return refused(end);
    start->accepted = true;
    if (!start->answered) session->patience().idle = std::min(session->patience().idle, kPipelinePatience);
    if (!memory->tells_after) return;
    memory->tells_after = session->announcements() > start->announcements;
    // QUIRK: iCloud, isync drv_imap.c:2725: what its proxy puts into answers is not what the server can do.
    if (memory->tells_after && !session->capabilities().has("XAPPLEPUSHSERVICE")) return;
    session->send_unwatched(CommandText("CAPABILITY"));
  }

  void refused(const Completion& end) const {
    memory->mechanism.clear();
    start->stale = !names(memory->before, mechanism);
    start->verdict = end.status != Status::kBad && !start->stale;
    if (start->verdict) throw sign_in_refusal(end);
    start->refused = true;
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, "the server refused the sign-in: " + end.text);
  }
};

class Authentication {
 public:
  Authentication(Session& session, const net::Endpoint& endpoint, const sasl::Credentials& credentials,
                 AccountMemory& memory, std::shared_ptr<Start> start)
      : session_(session), endpoint_(endpoint), credentials_(credentials), memory_(memory), start_(std::move(start)) {}

  std::string run();

 private:
  // The mechanism that was accepted or begun; nullopt: what was remembered of the server does not hold any more.
  [[nodiscard]] std::optional<std::string> try_mechanisms();
  [[nodiscard]] std::vector<std::string> mechanisms(std::string& why);
  void ask_for_offer();
  // The last refusal may be one of the channel binding alone.
  [[nodiscard]] bool cannot_bind(const std::string& mechanism) const;
  // nullopt: the rest of it needs no answer and is only begun.
  [[nodiscard]] std::optional<Completion> attempt(const std::string& mechanism);
  [[nodiscard]] std::optional<Completion> exchange_with(const std::string& mechanism, bool trial);
  void answer(Tag tag, const std::string& mechanism, const std::string& words, bool last, bool trial);
  // The whole sign-in, where it needs no answer in between.
  [[nodiscard]] std::optional<CommandText> in_one_command(const std::string& mechanism);
  [[nodiscard]] bool may_pipeline(const std::string& mechanism) const;
  void expect_later(const std::string& mechanism);
  [[nodiscard]] bool begin(const std::string& mechanism);
  [[nodiscard]] Outcome outcome(const std::string& mechanism) const { return {&session_, &memory_, start_, mechanism}; }

  Session& session_;
  const net::Endpoint& endpoint_;
  const sasl::Credentials& credentials_;
  AccountMemory& memory_;
  std::shared_ptr<Start> start_;
  Capabilities offered_;
  bool hinted_ = true;
  bool same_offer_ = false;  // as at the last sign-in
  bool spoiled_ = false;     // the server spoilt an exchange: it is shown no password any more
  Completion refused_;
};

std::string Authentication::run() {
  auto mechanism = try_mechanisms();
  if (!mechanism) {
    hinted_ = false;
    session_.capabilities() = memory_.before;
    mechanism = try_mechanisms();
  }
  return *std::move(mechanism);
}

std::vector<std::string> Authentication::mechanisms(std::string& why) {
  bool safe = session_.stream().tls().has_value() || peer_is_local(session_, endpoint_);
  auto chosen = sasl::choose_mechanisms(offered_.mechanisms(), credentials_, safe, !offered_.has("LOGINDISABLED"), why,
                                        session_.stream().channel_binding().has_value());
  // The same offer: what stands before the one that worked did not.
  auto worked = std::find_if(chosen.begin(), chosen.end(), [&](const std::string& mechanism) {
    return remembered_as(mechanism) == memory_.mechanism;
  });
  if (same_offer_ && worked != chosen.end()) chosen.erase(chosen.begin(), worked);
  return chosen;
}

std::optional<std::string> Authentication::try_mechanisms() {
  hinted_ = hinted_ && !session_.capabilities().known();
  offered_ = hinted_ ? memory_.before : session_.capabilities();
  same_offer_ = memory_.before.known() && offered_.words() == memory_.before.words();
  std::string why;
  auto chosen = mechanisms(why);
  if (hinted_ && chosen.empty()) {
    require_capabilities(session_);
    memory_.before = session_.capabilities();
    return std::nullopt;
  }
  if (chosen.empty()) throw Failure(FailureKind::kConfiguration, FailureScope::kAccount, why);
  if (hinted_) ask_for_offer();
  memory_.before = offered_;
  for (const std::string& mechanism : chosen) {
    if (spoiled_ && sasl::shows_password(mechanism)) continue;
    if (begin(mechanism)) return mechanism;
    std::optional<Completion> end = attempt(mechanism);
    if (!end) return mechanism;
    if (end->ok()) {
      memory_.mechanism = remembered_as(mechanism);
      return mechanism;
    }
    refused_ = *end;
    if (hinted_ && !names(memory_.before, mechanism)) return std::nullopt;
    if (cannot_bind(mechanism)) {
      spoiled_ = true;
      continue;
    }
    // NO is a verdict on the credentials or on the moment: trying the same ones otherwise only locks the account. What
    // is unavailable may be the mechanism alone (RFC 5530 §3).
    if (refused_.status != Status::kBad && !refused_.has_code("UNAVAILABLE")) break;
  }
  memory_.mechanism.clear();
  start_->verdict = true;
  throw sign_in_refusal(refused_);
}

// QUIRK: Cyrus 3.6, seen with it: offers -PLUS over TLS 1.3 and knows tls-unique only, which TLS 1.3 has not: a NO
// without a code. The same mechanism without the binding still proves both sides; whose certificate is not checked gets
// none.
bool Authentication::cannot_bind(const std::string& mechanism) const {
  return mechanism.ends_with("-PLUS") && !endpoint_.tls_settings.insecure && refused_.status == Status::kNo &&
         refused_.code.empty();
}

void Authentication::ask_for_offer() {
  session_.send_unwatched(CommandText("CAPABILITY"),
                          [session = &session_, memory = &memory_, start = start_](const Completion&) {
                            if (session->capabilities().known()) memory->before = session->capabilities();
                            session->capabilities() = start->pipelined ? memory->after : Capabilities();
                            start->announcements = session->announcements();
                          });
}

std::optional<CommandText> Authentication::in_one_command(const std::string& mechanism) {
  if (mechanism.empty()) {
    CommandText command = login_command(credentials_, offered_);
    if (command.pauses().empty()) return command;
    command.wipe();
    return std::nullopt;
  }
  if (!offered_.has("SASL-IR") || std::find(kOneMessage.begin(), kOneMessage.end(), mechanism) == kOneMessage.end()) {
    return std::nullopt;
  }
  auto exchange = sasl::make_exchange(mechanism, credentials_, "imap", endpoint_.host);
  std::string initial = mail::encode_base64(exchange->step(""));
  return CommandText("AUTHENTICATE " + mechanism).raw(initial.empty() ? " =" : " " + initial);
}

// Only with a server that showed that it takes commands behind this very sign-in, and still offers the same.
bool Authentication::may_pipeline(const std::string& mechanism) const {
  bool known = memory_.pipelining == AccountMemory::Pipelining::kWorks && memory_.after.known();
  return known && same_offer_ && memory_.mechanism == remembered_as(mechanism);
}

void Authentication::expect_later(const std::string& mechanism) {
  start_->pipelined = true;
  start_->announcements = session_.announcements();
  session_.capabilities() = memory_.after;
  outcome(mechanism).send_witness();
}

bool Authentication::begin(const std::string& mechanism) {
  if (!may_pipeline(mechanism)) return false;
  auto command = in_one_command(mechanism);
  if (!command) return false;
  session_.send_unwatched(*command, [outcome = outcome(mechanism)](const Completion& end) { outcome.signed_in(end); });
  command->wipe();
  expect_later(mechanism);
  return true;
}

std::optional<Completion> Authentication::attempt(const std::string& mechanism) {
  // What was announced before the sign-in does not hold after it.
  session_.capabilities() = {};
  start_->announcements = session_.announcements();
  // For the next time: does the server answer what comes right behind a sign-in?
  bool trial = memory_.pipelining == AccountMemory::Pipelining::kUnknown && same_offer_ &&
               memory_.mechanism == remembered_as(mechanism);
  std::optional<Completion> end;
  if (mechanism.empty()) {
    CommandText command = login_command(credentials_, offered_);
    start_->trial = trial && command.pauses().empty();
    Tag tag = session_.send(command);
    command.wipe();
    if (start_->trial) outcome(mechanism).send_witness();
    end = session_.finish(tag);
  } else {
    end = exchange_with(mechanism, trial);
  }
  if (!end) return std::nullopt;
  start_->accepted = end->ok();
  if (start_->trial && end->ok() && !start_->answered) session_.patience().idle = kPipelinePatience;
  return end;
}

// The last message of an exchange is answered by the command's end alone: others may travel with it.
void Authentication::answer(Tag tag, const std::string& mechanism, const std::string& words, bool last, bool trial) {
  session_.add_line(words);
  if (last && may_pipeline(mechanism)) {
    session_.unwatch(tag, [outcome = outcome(mechanism)](const Completion& end) { outcome.signed_in(end); });
    return expect_later(mechanism);
  }
  if (last && trial) {
    start_->trial = true;
    outcome(mechanism).send_witness();
  }
  session_.flush();
}

std::optional<Completion> Authentication::exchange_with(const std::string& mechanism, bool trial) {
  auto exchange =
      sasl::make_exchange(mechanism, credentials_, "imap", endpoint_.host,
                          sasl::binding_for(mechanism, offered_.mechanisms(), session_.stream().channel_binding()));
  CommandText command("AUTHENTICATE " + mechanism);
  bool owes_initial = exchange->client_first();
  if (owes_initial && offered_.has("SASL-IR")) {
    std::string initial = mail::encode_base64(exchange->step(""));
    command.raw(initial.empty() ? " =" : " " + initial);
    owes_initial = false;
  }
  Tag tag = session_.send(command);
  command.wipe();
  start_->trial = trial && !owes_initial && exchange->complete();
  if (start_->trial) outcome(mechanism).send_witness();
  ResponseHandler ignore;
  while (true) {
    Step next = session_.await_continuation(tag, ignore);
    if (next.kind == Step::Kind::kTagged) {
      if (next.completion.ok() && !exchange->complete()) {
        throw Failure(FailureKind::kAuthentication, FailureScope::kAccount,
                      "the server accepted the sign-in before it had proved who it is (" + mechanism + ")");
      }
      std::string words = exchange->server_words();
      if (!next.completion.ok() && !words.empty()) next.completion.text += " (" + words + ")";
      return std::move(next.completion);
    }
    std::optional<std::string> challenge = read_challenge(next.continuation);
    if (owes_initial) challenge = "";
    owes_initial = false;
    if (!challenge) {
      Completion end = abandon(session_, tag);
      spoiled_ = true;
      end.status = Status::kBad;
      end.text = "its challenge cannot be read";
      return end;
    }
    bool was_complete = exchange->complete();
    std::string words = mail::encode_base64(step_or_abandon(session_, tag, *exchange, *challenge));
    answer(tag, mechanism, words, !was_complete && exchange->complete(), trial);
    if (start_->pipelined) return std::nullopt;
  }
}

}  // namespace

bool peer_is_local(Session& session, const net::Endpoint& endpoint) {
  std::string peer = session.stream().peer();
  return endpoint.is_private_line() || peer == "local" || peer.starts_with("127.") || peer.starts_with("[::1]");
}

std::string authenticate(Session& session, const net::Endpoint& endpoint, const sasl::Credentials& credentials,
                         AccountMemory& memory, const std::shared_ptr<Start>& start) {
  if (credentials.user.empty()) {
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  "the server wants a sign-in and none is configured: set \"user\" and \"password\"");
  }
  return Authentication(session, endpoint, credentials, memory, start).run();
}

}  // namespace mailstead::imap
