#include "connectors/pop3/server/server_session.h"

#include <fmt/format.h>

#include "connectors/pop3/codec/command_line.h"
#include "connectors/pop3/server/command_table.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/limits.h"
#include "mail/transfer_encoding.h"

namespace mailstead::pop3 {
namespace {

constexpr unsigned kMaxFailures = 3;                  // refused sign-ins
constexpr unsigned kMaxBadCommands = 20;              // Dovecot
constexpr std::chrono::seconds kLoginLimit{180};      // Dovecot; the whole AUTHORIZATION state
constexpr std::chrono::seconds kAutologout{10 * 60};  // RFC 1939 §3: not less

}  // namespace

Session::Session(ServerContext context, net::PeerFacts peer, std::function<void()> wake)
    : context_(std::move(context)), peer_(std::move(peer)), wake_(std::move(wake)), began_(context_.clock.steady()) {}

net::SessionStep Session::advance(net::InputBuffer& input, std::string& output) {
  using net::SessionStep;
  output_ = &output;
  if (!greeted_) greet();
  if (login_time_is_up()) return SessionStep::kClose;
  while (step_ == SessionStep::kMore) {
    if (output.size() >= net::kOutputHighWater) return SessionStep::kMore;
    if (held_) {
      if (context_.clock.steady() < held_until_) return SessionStep::kPause;
      answering(std::exchange(held_, nullptr));
      continue;
    }
    if (long_answer_) {
      if (!long_answer_->produce(output)) return SessionStep::kMore;
      long_answer_.reset();
    } else if (place_ && place_->revoked()) {
      error("[AUTH] Signed out: the password was changed or revoked");  // nothing is removed (RFC 1939 §6)
      close();
    } else if (!take_input(input)) {
      return step_ == SessionStep::kMore ? SessionStep::kNeedsInput : step_;
    }
  }
  // What came in the clear behind STLS is never obeyed (CVE-2021-33515), nor is anything behind QUIT.
  input.clear();
  return step_;
}

bool Session::take_input(net::InputBuffer& input) {
  TakenLine taken = take_line(input.bytes(), mail::kMaxLoginLine);
  if (taken.state == TakenLine::State::kIncomplete) return false;
  if (taken.state == TakenLine::State::kTooLong) {
    error("Line too long");
    close();
    return true;
  }
  answering([&] { exchange_ ? continue_exchange(taken.line) : run_command(taken.line); });
  input.consume(taken.consumed);
  return true;
}

// Trouble of the store is an answer, too (RFC 3206).
void Session::answering(const std::function<void()>& what) {
  try {
    what();
  } catch (const mail::Failure& failure) {
    if (failure.kind() != mail::FailureKind::kStorage) throw;
    exchange_.reset();
    error("[SYS/TEMP] Temporary trouble with the mail store");
  }
}

void Session::run_command(std::string_view text) {
  CommandLine command = parse_command(text);
  const Command* known = find_command(command.verb);
  bool fits = known != nullptr && (known->long_line || text.size() + 2 <= kMaxCommand);
  if (!fits || (known->states & static_cast<unsigned>(state_)) == 0) return refuse_command(text);
  known->run(*this, command.argument);
}

void Session::refuse_command(std::string_view text) {
  if (++bad_commands_ >= kMaxBadCommands) {
    error("Too many bad commands");
    return close();
  }
  error(text.size() + 2 > kMaxCommand     ? "Line too long"
        : state_ == State::kAuthorization ? "Unknown command, or not before sign-in"
                                          : "Unknown command, or not after sign-in");
}

void Session::greet() {
  greeted_ = true;
  ok(context_.host_name + " Mailstead POP3 ready");
}

void Session::ok(std::string_view text) {
  line(text.empty() ? "+OK" : fmt::format("+OK {}", text));
}
void Session::error(std::string_view text) {
  line(fmt::format("-ERR {}", text));
}
void Session::line(std::string_view text) {
  output_->append(text);
  output_->append("\r\n");
}

void Session::begin_exchange(std::unique_ptr<sasl::ServerExchange> exchange, std::optional<std::string> response) {
  exchange_ = std::move(exchange);
  exchange_done_ = false;
  step_exchange(response ? std::optional<std::string_view>(*response) : std::nullopt);
}

void Session::continue_exchange(std::string_view text) {
  auto response = text == "*" ? std::nullopt : mail::decode_base64(text);
  if (!response) {
    exchange_.reset();
    if (text == "*") return error("Authentication cancelled");
    return sign_in_failed();
  }
  if (exchange_done_) {
    auto exchange = std::move(exchange_);
    return response->empty() ? sign_in(exchange->identity()) : sign_in_failed();
  }
  step_exchange(*response);
}

void Session::step_exchange(std::optional<std::string_view> response) {
  using ExchangeState = sasl::ServerExchange::State;
  std::string challenge;
  const bool undecided = !exchange_->decided();
  const ExchangeState state = exchange_->step(response, challenge);
  if (!undecided || !exchange_->decided()) return answer_exchange(state, challenge);
  judged(exchange_->claimed_user(), state != ExchangeState::kFailed,
         [this, state, challenge] { answer_exchange(state, challenge); });
}

void Session::answer_exchange(sasl::ServerExchange::State state, const std::string& challenge) {
  using ExchangeState = sasl::ServerExchange::State;
  if (state == ExchangeState::kFailed) {
    exchange_.reset();
    return sign_in_failed();
  }
  exchange_done_ = state == ExchangeState::kSuccess;
  // POP3 has no success with data (RFC 5034 §4): it goes as a challenge, answered by an empty line.
  if (!exchange_done_ || !challenge.empty()) return line("+ " + mail::encode_base64(challenge));
  auto exchange = std::move(exchange_);
  sign_in(exchange->identity());
}

void Session::sign_in(const sasl::Identity& identity) {
  claimed_user_.clear();
  const std::string& user = identity.user;
  std::unique_ptr<sasl::OpenSessions::Place> place;
  switch (context_.door.admit(context_.lookup, identity, wake_, place)) {
    case sasl::Doorkeeper::Answer::kEntered: break;
    case sasl::Doorkeeper::Answer::kRevoked: return sign_in_failed();
    case sasl::Doorkeeper::Answer::kTooMany: return error("[SYS/TEMP] Too many connections of this user");
  }
  auto hold = context_.locks->try_hold(user);
  if (!hold) return error("[IN-USE] Another POP3 session has this maildrop");
  maildrop_ = ServedMaildrop::open(context_.store.mail(), user);
  hold_.emplace(std::move(*hold));
  user_ = user;
  place_ = std::move(place);
  state_ = State::kTransaction;
  ok(fmt::format("{} messages ({} octets)", maildrop_->messages(), maildrop_->octets()));
}

bool Session::may_try(const std::string& user) {
  if (context_.door.may_try({peer_.address, peer_.loopback}, user)) return true;
  refuse_for_now();
  return false;
}

// That counts as a failure, too.
void Session::refuse_for_now() {
  claimed_user_.clear();
  error("[SYS/TEMP] Too many failed sign-ins, try again later");
  if (++failures_ >= kMaxFailures) close();
}

void Session::judged(const std::string& claimed, bool good, std::function<void()> then) {
  const auto wait = context_.door.judge({peer_.address, peer_.loopback}, claimed, good);
  if (!wait) {
    exchange_.reset();
    return refuse_for_now();
  }
  if (wait->count() == 0) return then();
  held_ = std::move(then);
  held_until_ = context_.clock.steady() + *wait;
}

std::chrono::milliseconds Session::pause() const {
  return std::chrono::ceil<std::chrono::milliseconds>(held_until_ - context_.clock.steady());
}

void Session::sign_in_failed() {
  claimed_user_.clear();
  error("[AUTH] Authentication failed");
  if (++failures_ >= kMaxFailures) close();
}

// RFC 2595 §4: nothing learnt before TLS is believed after it. With implicit TLS this comes before the greeting.
void Session::tls_started(const net::TlsFacts& facts) {
  peer_.tls = true;
  bindings_ = facts.bindings;
  certificate_names_ = facts.client_names;
  claimed_user_.clear();
  exchange_.reset();
  if (step_ == net::SessionStep::kStartTls) step_ = net::SessionStep::kMore;
}

// RFC 1939 §3: no response, nothing removed.
void Session::timed_out(std::string& /*output*/) {}

std::chrono::seconds Session::idle_limit() const {
  return state_ == State::kAuthorization ? kLoginLimit : kAutologout;
}

bool Session::login_time_is_up() const {
  return state_ == State::kAuthorization && context_.clock.steady() - began_ > kLoginLimit;
}

std::string Session::summary() const {
  if (user_.empty()) return fmt::format("not signed in, {} refused", failures_);
  return fmt::format("{} retrieved {} ({} octets), deleted {}", mail::printable(user_, 100), retrieved_,
                     retrieved_octets_, deleted_);
}

net::ServerSessionFactory make_session_factory(ServerContext context) {
  if (!context.locks) context.locks = make_maildrop_locks();
  return [context](const net::PeerFacts& peer, std::function<void()> wake) {
    return std::make_unique<Session>(context, peer, std::move(wake));
  };
}

}  // namespace mailstead::pop3
