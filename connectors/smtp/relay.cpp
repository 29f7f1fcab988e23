#include "connectors/smtp/relay.h"

#include <algorithm>
#include <utility>

#include "connectors/smtp/answer_sheet.h"
#include "connectors/smtp/envelope.h"
#include "connectors/smtp/session.h"
#include "connectors/smtp/transaction.h"
#include "connectors/smtp/verdict.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::smtp {
namespace {

using delivery::Context;
using delivery::Outgoing;
using delivery::Reply;
using delivery::Result;
using mail::Failure;
using mail::FailureKind;

// A server that takes a message more slowly than this holds us up on purpose; Postfix smtpd_min_data_rate.
constexpr mail::ByteCount kMinBytesPerSecond = 500;

bool has_8bit(const Outgoing& message) {
  if (message.has_8bit) return *message.has_8bit;
  bool found = false;
  mail::for_each_chunk(*message.content, 0, message.content->size(), [&found](std::string_view chunk) {
    found = found || std::any_of(chunk.begin(), chunk.end(), [](char c) { return static_cast<signed char>(c) < 0; });
  });
  return found;
}

// Addresses that could not be put into a command without changing it are answered here and never sent.
void settle_unfit(const Outgoing& message, AnswerSheet& sheet) {
  if (!message.sender.empty() && !is_path(message.sender)) {
    sheet.settle_all_open(own_reply(Reply::Kind::kPermanent, "5.1.7",
                                    "the sender is no usable address: " + mail::printable(message.sender, 200)));
  }
  for (auto index : sheet.open()) {
    const auto& recipient = sheet.recipient(index);
    if (is_path(recipient)) continue;
    sheet.settle(index, own_reply(Reply::Kind::kPermanent, "5.1.3",
                                  recipient.empty() ? "the message has no recipient"
                                                    : "no usable address: " + mail::printable(recipient, 200)));
  }
}

void take_leave(Session& session, std::chrono::milliseconds wait) noexcept {
  try {
    session.chat.set_deadline(net::Deadline::in(wait));
    session.chat.send("QUIT\r\n", wait);
    // QUIRK: QUIT may be answered 500 — fdm CHANGES, deliver-smtp.c. Any answer will do, none too.
    static_cast<void>(session.chat.read_reply(wait));
  } catch (...) {
    // A farewell that fails is a farewell.
  }
}

class RelayTransport final : public delivery::Transport {
 public:
  RelayTransport(const RelaySettings& settings, const Dialer& dialer) : settings_(settings), dialer_(dialer) {}

  Result deliver(const Outgoing& message, const Context& context) override;
  bool worth_keeping() const noexcept override {
    return session_ != nullptr && session_->messages < settings_.messages_per_connection;
  }
  void close() noexcept override;

 private:
  void send(const Outgoing& message, const Context& context, AnswerSheet& sheet);
  void connect(const net::Deadline& deadline);
  void settle_unwanted(const Outgoing& message, AnswerSheet& sheet) const;
  [[nodiscard]] std::vector<std::size_t> next_batch(const AnswerSheet& sheet) const;
  [[nodiscard]] MailParameters parameters_of(const Outgoing& message, const AnswerSheet& sheet,
                                             const std::vector<std::size_t>& batch) const;
  [[nodiscard]] Transaction::End transact(const Outgoing& message, const Context& context, AnswerSheet& sheet);

  const RelaySettings& settings_;
  const Dialer& dialer_;
  std::unique_ptr<Session> session_;
};

Result RelayTransport::deliver(const Outgoing& message, const Context& context) {
  AnswerSheet sheet(message.recipients.empty() ? std::vector<std::string>{""} : message.recipients);
  settle_unfit(message, sheet);
  Result result;
  try {
    send(message, context, sheet);
  } catch (const Failure& failure) {
    session_.reset();
    result.failure = failure;
  }
  result.answers = std::move(sheet).finish(result.failure ? result.failure->text() : "");
  return result;
}

void RelayTransport::send(const Outgoing& message, const Context& context, AnswerSheet& sheet) {
  auto longest = settings_.endpoint.timeouts.total + std::chrono::seconds(message.content->size() / kMinBytesPerSecond);
  auto deadline = net::Deadline::in(longest, context.stop);
  while (!sheet.open().empty()) {
    connect(deadline);
    settle_unwanted(message, sheet);
    if (sheet.open().empty()) return;
    auto end = transact(message, context, sheet);
    if (end != Transaction::End::kUsable) session_.reset();
  }
}

void RelayTransport::connect(const net::Deadline& deadline) {
  if (session_ != nullptr && !worth_keeping()) close();
  if (session_ == nullptr) session_ = open_session(settings_, dialer_, deadline);
  session_->chat.set_deadline(deadline);
}

// What this server cannot take, known before anything is sent.
void RelayTransport::settle_unwanted(const Outgoing& message, AnswerSheet& sheet) const {
  const auto& extensions = session_->extensions;
  if (extensions.size_limit != 0 && message.content->size() > extensions.size_limit) {
    sheet.settle_all_open(own_reply(Reply::Kind::kPermanent, "5.3.4",
                                    "the message (" + mail::format_size(message.content->size()) + ") is larger than " +
                                        server_name(settings_) + " takes (" + mail::format_size(extensions.size_limit) +
                                        ")"));
  }
  if (extensions.smtp_utf8) return;
  auto refusal = own_reply(Reply::Kind::kPermanent, "5.6.7",
                           server_name(settings_) + " takes no internationalised addresses (SMTPUTF8)");
  if (needs_smtp_utf8(message.sender)) sheet.settle_all_open(refusal);
  for (auto index : sheet.open()) {
    if (needs_smtp_utf8(sheet.recipient(index))) sheet.settle(index, refusal);
  }
}

std::vector<std::size_t> RelayTransport::next_batch(const AnswerSheet& sheet) const {
  auto batch = sheet.open();
  batch.resize(std::min(batch.size(), std::max<std::size_t>(settings_.recipients_per_message, 1)));
  return batch;
}

MailParameters RelayTransport::parameters_of(const Outgoing& message, const AnswerSheet& sheet,
                                             const std::vector<std::size_t>& batch) const {
  MailParameters parameters{message.content->size(), false, needs_smtp_utf8(message.sender)};
  parameters.eight_bit = session_->extensions.eight_bit_mime && has_8bit(message);
  for (auto index : batch) parameters.utf8 = parameters.utf8 || needs_smtp_utf8(sheet.recipient(index));
  return parameters;
}

Transaction::End RelayTransport::transact(const Outgoing& message, const Context& context, AnswerSheet& sheet) {
  auto batch = next_batch(sheet);
  auto parameters = parameters_of(message, sheet, batch);
  const bool reused = session_->messages > 0;
  const auto replies = session_->chat.replies();
  try {
    return Transaction(*session_, settings_, message, parameters, context, sheet).run(std::move(batch));
  } catch (const Failure& failure) {
    // A kept connection that the server had given up meanwhile: no word about this message, so a fresh one is tried.
    bool unheard = reused && session_->chat.replies() == replies && failure.kind() == FailureKind::kTemporary;
    if (!unheard) throw;
    return Transaction::End::kUnheard;
  }
}

void RelayTransport::close() noexcept {
  if (auto session = std::exchange(session_, nullptr)) take_leave(*session, settings_.timeouts.quit);
}

delivery::Facts facts_of(const Session& session, const RelaySettings& settings) {
  delivery::Facts facts;
  auto add = [&facts](const char* name, std::string value) { facts.lines.emplace_back(name, std::move(value)); };
  add("server", server_name(settings) + " (" + session.chat.peer() + ") " + mail::printable(session.greeting, 200));
  if (auto tls = session.chat.tls()) {
    add("tls", tls->version + " " + tls->cipher);
    add("certificate", tls->peer_subject + ", " + std::to_string(tls->days_left) + " days left");
  } else {
    add("tls", "none");
  }
  add("signed in by", session.mechanism.empty() ? "nothing (not asked to)" : session.mechanism);
  if (session.extensions.size_limit != 0) add("size limit", mail::format_size(session.extensions.size_limit));
  std::string keywords;
  for (const auto& keyword : session.extensions.keywords) keywords += (keywords.empty() ? "" : " ") + keyword;
  add("extensions", keywords.empty() ? "none" : keywords);
  return facts;
}

class Relay final : public delivery::Destination {
 public:
  Relay(RelaySettings settings, Dialer dialer) : settings_(std::move(settings)), dialer_(std::move(dialer)) {}

  std::unique_ptr<delivery::Transport> open() const override {
    return std::make_unique<RelayTransport>(settings_, dialer_);
  }
  delivery::Facts probe(std::stop_token stop) const override {
    auto session = open_session(settings_, dialer_, net::Deadline::in(settings_.endpoint.timeouts.total, stop));
    auto facts = facts_of(*session, settings_);
    take_leave(*session, settings_.timeouts.quit);
    return facts;
  }

 private:
  const RelaySettings settings_;
  const Dialer dialer_;
};

}  // namespace

std::unique_ptr<delivery::Destination> make_relay(RelaySettings settings, Dialer dialer) {
  return std::make_unique<Relay>(std::move(settings), std::move(dialer));
}

}  // namespace mailstead::smtp
