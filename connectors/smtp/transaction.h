// One message to some recipients over an open session: MAIL, RCPT …, DATA, the body, the answer (RFC 5321 §3.3; in one
// group where PIPELINING is offered, RFC 2920 §3.1). With LMTP an answer per recipient after the body (RFC 2033 §4.2).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "connectors/destination.h"
#include "connectors/smtp/answer_sheet.h"
#include "connectors/smtp/envelope.h"
#include "connectors/smtp/relay.h"
#include "connectors/smtp/session.h"
#include "mail/failure.h"

namespace mailstead::smtp {

// How long a server that has hung up may still be listened to.
inline constexpr std::chrono::seconds kEarlyAnswerWait{2};

class Transaction {
 public:
  Transaction(Session& session, const RelaySettings& settings, const delivery::Outgoing& message,
              const MailParameters& parameters, const delivery::Context& context, AnswerSheet& sheet)
      : session_(session),
        settings_(settings),
        message_(message),
        parameters_(parameters),
        context_(context),
        sheet_(sheet) {}

  enum class End {
    kUsable,  // the session may be used again
    kSpent,   // every recipient has its answer, the session is to be left
    kUnheard  // the server was leaving (421) when we came: nothing was said about the message
  };
  // Settles all of `recipients` (indices of the sheet), except with kUnheard. Throws Failure when the session breaks;
  // what was settled before stays.
  [[nodiscard]] End run(std::vector<std::size_t> recipients);

 private:
  using MaybeEnd = std::optional<End>;  // nullopt: go on

  void send_envelope();
  void send_alone(const std::string& command, std::chrono::milliseconds wait);
  [[nodiscard]] MaybeEnd reset();
  [[nodiscard]] MaybeEnd mail();
  [[nodiscard]] MaybeEnd recipients();
  [[nodiscard]] MaybeEnd data();
  [[nodiscard]] End empty_body();
  [[nodiscard]] End body();
  [[nodiscard]] End early_answer(const mail::Failure& failure);
  [[nodiscard]] End read_final_answers();
  void settle_asked(const delivery::Reply& reply);
  [[nodiscard]] End leave(delivery::Reply reply);

  Session& session_;
  const RelaySettings& settings_;
  const delivery::Outgoing& message_;
  const MailParameters& parameters_;
  const delivery::Context& context_;
  AnswerSheet& sheet_;
  std::vector<std::size_t> asked_;     // those of this transaction
  std::vector<std::size_t> accepted_;  // by RCPT
  bool pipelined_ = false;
  bool reused_ = false;  // the session has had a transaction before
  bool mail_refused_ = false;
};

}  // namespace mailstead::smtp
