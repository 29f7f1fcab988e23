#include "connectors/smtp/transaction.h"

#include <utility>

#include "connectors/smtp/body_sender.h"
#include "connectors/smtp/verdict.h"
#include "mail/failpoint.h"
#include "mail/failure.h"

namespace mailstead::smtp {

using delivery::Reply;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

Transaction::End Transaction::run(std::vector<std::size_t> recipients) {
  asked_ = std::move(recipients);
  pipelined_ = session_.extensions.pipelining;
  reused_ = session_.messages++ > 0;
  if (pipelined_) send_envelope();
  for (auto step : {&Transaction::reset, &Transaction::mail, &Transaction::recipients, &Transaction::data}) {
    if (auto end = (this->*step)()) return *end;
  }
  return accepted_.empty() ? empty_body() : body();
}

void Transaction::send_envelope() {
  std::string group = session_.needs_reset ? "RSET\r\n" : "";
  group += mail_command(message_.sender, parameters_, session_.extensions);
  for (auto index : asked_) group += recipient_command(sheet_.recipient(index));
  group += "DATA\r\n";
  session_.chat.send(group, settings_.timeouts.mail);
}

void Transaction::send_alone(const std::string& command, std::chrono::milliseconds wait) {
  if (!pipelined_) session_.chat.send(command, wait);
}

Transaction::MaybeEnd Transaction::reset() {
  if (!session_.needs_reset) return {};
  send_alone("RSET\r\n", settings_.timeouts.reset);
  auto reply = session_.chat.read_reply(settings_.timeouts.reset);
  if (judge(Stage::kReset, reply).kind != Reply::Kind::kAccepted) return End::kUnheard;
  session_.needs_reset = false;
  return {};
}

Transaction::MaybeEnd Transaction::mail() {
  send_alone(mail_command(message_.sender, parameters_, session_.extensions), settings_.timeouts.mail);
  auto reply = session_.chat.read_reply(settings_.timeouts.mail);
  auto verdict = judge(Stage::kMail, reply);
  if (verdict.kind == Reply::Kind::kAccepted) {
    session_.needs_reset = true;
    return {};
  }
  if (reused_ && reply.code == 421) return End::kUnheard;
  settle_asked(kept_reply(reply, verdict.kind));
  if (verdict.end_session) return End::kSpent;
  mail_refused_ = true;
  if (!pipelined_) return End::kUsable;
  return {};
}

Transaction::MaybeEnd Transaction::recipients() {
  for (auto index : asked_) {
    send_alone(recipient_command(sheet_.recipient(index)), settings_.timeouts.recipient);
    auto reply = session_.chat.read_reply(settings_.timeouts.recipient);
    auto verdict = judge(Stage::kRecipient, reply);
    // After a refused MAIL the rest of the group is refused too, mostly as out of sequence; it says nothing more.
    if (mail_refused_) verdict.end_session = reply.code == 421;
    if (verdict.end_session) return leave(kept_reply(reply, verdict.kind));
    if (verdict.kind == Reply::Kind::kAccepted && !mail_refused_) {
      accepted_.push_back(index);
    } else {
      sheet_.settle(index, kept_reply(reply, verdict.kind));
    }
  }
  return {};
}

Transaction::MaybeEnd Transaction::data() {
  if (accepted_.empty() && !pipelined_) return End::kUsable;
  send_alone("DATA\r\n", settings_.timeouts.data);
  auto reply = session_.chat.read_reply(settings_.timeouts.data);
  auto verdict = judge(Stage::kData, reply);
  if (verdict.kind == Reply::Kind::kAccepted) return {};
  // "No valid recipients" may be said as 503 or 554; that is no reason to leave.
  if (accepted_.empty() && reply.category() >= 4 && reply.code != 421) return End::kUsable;
  if (verdict.end_session) return leave(kept_reply(reply, verdict.kind));
  settle_asked(kept_reply(reply, verdict.kind));
  return End::kUsable;
}

// RFC 2920 §3.1: the server wants a message although it has taken no recipient; it gets an empty one, for nobody.
Transaction::End Transaction::empty_body() {
  if (settings_.dialect == Dialect::kLmtp) return End::kSpent;  // no recipient, no answer to wait for
  session_.chat.send(".\r\n", settings_.timeouts.block);
  auto reply = session_.chat.read_reply(settings_.timeouts.final_dot);
  session_.needs_reset = false;
  return reply.code == 421 || reply.category() == 3 ? End::kSpent : End::kUsable;
}

Transaction::End Transaction::body() {
  BodySender sender(session_.chat, settings_.timeouts.block);
  try {
    sender.send_all_but_end(*message_.content);
    if (context_.before_commit) context_.before_commit();
    sheet_.asked_to_commit(accepted_);
    sender.send_end();
  } catch (const Failure& failure) {
    if (failure.kind() != FailureKind::kTemporary || !sender.write_failed()) throw;
    return early_answer(failure);
  }
  MAILSTEAD_FAILPOINT("delivery.before_answer");
  return read_final_answers();
}

// A server that hangs up in the middle of a message (too large, as a rule) has often said why.
Transaction::End Transaction::early_answer(const Failure& failure) {
  WireReply reply;
  try {
    reply = session_.chat.read_reply(kEarlyAnswerWait);
  } catch (const Failure&) {
    throw failure;
  }
  auto verdict = judge(Stage::kBody, reply);
  if (reply.category() < 4) throw failure;
  settle_asked(kept_reply(reply, verdict.kind));
  return End::kSpent;
}

Transaction::End Transaction::read_final_answers() {
  bool usable = true;
  const std::size_t answers = settings_.dialect == Dialect::kLmtp ? accepted_.size() : 1;
  for (std::size_t i = 0; i < answers; ++i) {
    auto reply = session_.chat.read_reply(settings_.timeouts.final_dot);
    auto verdict = judge(Stage::kBody, reply);
    if (reply.category() == 3) {
      throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                    server_name(settings_) +
                        ": the answer to the message fits no message: " + kept_reply(reply, verdict.kind).line());
    }
    usable = usable && !verdict.end_session;
    if (settings_.dialect == Dialect::kLmtp) {
      sheet_.settle(accepted_[i], kept_reply(reply, verdict.kind));
    } else {
      settle_asked(kept_reply(reply, verdict.kind));
    }
  }
  MAILSTEAD_FAILPOINT("delivery.after_answer");
  session_.needs_reset = false;
  return usable ? End::kUsable : End::kSpent;
}

// Those of this transaction that have no answer yet.
void Transaction::settle_asked(const Reply& reply) {
  for (auto index : asked_) sheet_.settle(index, reply);
}

// Nothing was committed: whoever has no answer yet is to be tried again, even if this reply was a final one for its
// own recipient.
Transaction::End Transaction::leave(Reply reply) {
  reply.kind = Reply::Kind::kTemporary;
  settle_asked(reply);
  return End::kSpent;
}

}  // namespace mailstead::smtp
