// The state of one connection of our POP3 server, as the commands see it. Internal to the server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/net/server_session.h"
#include "connectors/pop3/server/long_answer.h"
#include "connectors/pop3/server/maildrop_locks.h"
#include "connectors/pop3/server/served_maildrop.h"
#include "connectors/pop3/server/session.h"
#include "connectors/sasl/server.h"

namespace mailstead::pop3 {

class Session final : public net::ServerSession {
 public:
  enum class State : unsigned { kAuthorization = 1, kTransaction = 2 };  // UPDATE is the end of QUIT

  Session(ServerContext context, net::PeerFacts peer, std::function<void()> wake);

  net::SessionStep advance(net::InputBuffer& input, std::string& output) override;
  void tls_started(const net::TlsFacts& facts) override;
  void timed_out(std::string& output) override;
  [[nodiscard]] std::chrono::seconds idle_limit() const override;
  [[nodiscard]] std::chrono::milliseconds pause() const override;
  [[nodiscard]] std::string summary() const override;

  // For the commands. Replies are single lines without CRLF.
  void ok(std::string_view text);
  void error(std::string_view text);
  void line(std::string_view text);
  void answer_at_length(std::unique_ptr<LongAnswer> answer) { long_answer_ = std::move(answer); }

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const ServerContext& context() const noexcept { return context_; }
  [[nodiscard]] ServedMaildrop& maildrop() noexcept { return *maildrop_; }
  [[nodiscard]] bool tls() const noexcept { return peer_.tls; }
  [[nodiscard]] bool may_start_tls() const noexcept { return context_.starttls_available && !peer_.tls; }
  // What this connection can be signed in to with.
  [[nodiscard]] sasl::ServerOffer offer() const { return {takes_passwords(), bindings_, certificate_names_}; }
  // A password may be taken: TLS, or a client on this machine.
  [[nodiscard]] bool takes_passwords() const noexcept { return peer_.tls || peer_.loopback; }

  void start_tls() noexcept { step_ = net::SessionStep::kStartTls; }
  void close() noexcept { step_ = net::SessionStep::kClose; }
  // False, and answered: so many sign-ins of this peer have failed that nothing is looked at.
  [[nodiscard]] bool may_try(const std::string& user = {});
  void refuse_for_now();
  // A password was looked at. `then` answers, at once or when the answer has been held back long enough.
  void judged(const std::string& claimed, bool good, std::function<void()> then);
  void begin_exchange(std::unique_ptr<sasl::ServerExchange> exchange, std::optional<std::string> response);
  // The name given by USER; "" without one.
  std::string& claimed_user() noexcept { return claimed_user_; }
  void sign_in(const sasl::Identity& identity);  // answers
  void sign_in_failed();                         // answers; the third one closes
  void count_retrieved(mail::ByteCount octets) noexcept { ++retrieved_, retrieved_octets_ += octets; }
  void count_deleted(std::uint32_t messages) noexcept { deleted_ = messages; }

 private:
  void greet();
  [[nodiscard]] bool take_input(net::InputBuffer& input);
  void answering(const std::function<void()>& what);
  void run_command(std::string_view text);
  void refuse_command(std::string_view text);
  void continue_exchange(std::string_view text);
  void step_exchange(std::optional<std::string_view> response);
  void answer_exchange(sasl::ServerExchange::State state, const std::string& challenge);
  [[nodiscard]] bool login_time_is_up() const;

  const ServerContext context_;
  net::PeerFacts peer_;
  const std::function<void()> wake_;
  std::vector<connectors::ChannelBinding> bindings_;  // of its TLS
  std::vector<std::string> certificate_names_;
  const mail::SteadyTime began_;
  State state_ = State::kAuthorization;
  net::SessionStep step_ = net::SessionStep::kMore;  // other than kMore: what advance() returns next
  std::string* output_ = nullptr;                    // during advance()
  bool greeted_ = false;
  std::string claimed_user_;
  std::unique_ptr<sasl::ServerExchange> exchange_;
  bool exchange_done_ = false;  // success was announced by a last challenge; an empty line is due
  std::function<void()> held_;  // answers at held_until_
  mail::SteadyTime held_until_{};
  unsigned failures_ = 0, bad_commands_ = 0;

  std::string user_;
  std::unique_ptr<sasl::OpenSessions::Place> place_;
  std::optional<MaildropLocks::Hold> hold_;
  std::optional<ServedMaildrop> maildrop_;
  std::unique_ptr<LongAnswer> long_answer_;  // refers to the maildrop: dies first
  std::uint64_t retrieved_ = 0, deleted_ = 0;
  mail::ByteCount retrieved_octets_ = 0;
};

}  // namespace mailstead::pop3
