#include "agent/delivery/attempt.h"

#include "agent/delivery/trace.h"
#include "agent/trouble.h"
#include "mail/escape.h"
#include "mail/report.h"
#include "mail/scan.h"

#include <fmt/format.h>

#include <algorithm>

namespace mailstead::agent {

namespace {

using storage::RecipientOutcome;

class Attempt {
 public:
  Attempt(const AttemptRoom& room, delivery::Transport& transport, bool remote, const storage::QueuedDelivery& delivery,
          std::stop_token stop)
      : room_(room), transport_(transport), remote_(remote), delivery_(delivery), stop_(std::move(stop)) {}

  AttemptEnd run() {
    delivery::Result result = deliver();
    if (result.failure && result.failure->kind() == mail::FailureKind::kCancelled) {
      end_.cancelled = true;
      return end_;
    }
    end_.destination_down = result.failure && result.failure->scope() != mail::FailureScope::kMessage;
    if (result.answer_lost())
      leave_open(result);
    else
      record(result);
    return end_;
  }

 private:
  delivery::Result deliver() {
    delivery::Outgoing message;
    message.id = delivery_.id;
    message.sender = delivery_.sender;
    message.recipients = delivery_.recipients;
    message.folder = delivery_.folder;
    message.flags = delivery_.flags;
    message.internal_date = delivery_.internal_date;
    message.message_id = delivery_.message_id;
    message.answer_lost = delivery_.answer_lost;
    try {
      message.content = room_.store.content().open(delivery_.content);
      if (remote_) {
        if (auto loop = loop_in(header(*message.content), room_.instance)) return refused(*loop);
        message.content = with_trace(std::move(message.content), room_.config.host_name, room_.instance,
                                     delivery_.message, room_.clock.wall());
      }
    } catch (const mail::Failure& failure) {
      delivery::Result result;
      result.failure = failure;
      answer_all(result, {delivery::Reply::Kind::kTemporary, 0, "", failure.text()});
      return result;
    }
    delivery::Context context;
    context.stop = stop_;
    context.before_commit = [this] { room_.store.queue().begin_attempt(delivery_.id, room_.clock.wall()); };
    return transport_.deliver(message, context);
  }

  std::string header(const mail::Content& content) const {
    const auto stored = room_.store.mail().stored(delivery_.content);
    return mail::read_range(content, 0, stored ? stored->header_size : 0);
  }

  delivery::Result refused(const std::string& why) const {
    delivery::Result result;
    answer_all(result, {delivery::Reply::Kind::kPermanent, 0, "5.4.6", why});
    return result;
  }

  void answer_all(delivery::Result& result, const delivery::Reply& reply) const {
    for (const auto& recipient : delivery_.recipients) result.answers.push_back({recipient, reply, false});
    if (result.answers.empty()) result.answers.push_back({"", reply, false});
  }

  [[nodiscard]] mail::WallTime next_attempt() const {
    return room_.clock.wall() +
           retry_delay(room_.config.retry, delivery_.attempts + 1, static_cast<std::uint64_t>(delivery_.id) * 7919U);
  }

  // The remote may have it: the open attempt stays on record, so that the next one knows.
  void leave_open(const delivery::Result& result) {
    end_.deferred = result.answers.size();
    end_.text = "the answer was lost: " + (result.failure ? result.failure->text() : std::string("no reply"));
    room_.store.history().add(delivery_.message,
                              {room_.clock.wall(), "attempt", fmt::format("{}: {}", delivery_.destination, end_.text)});
    if (!room_.store.queue().retry_at(delivery_.id, next_attempt())) end_.text += " (and the delivery was dropped)";
  }

  void record(const delivery::Result& result) {
    const mail::WallTime now = room_.clock.wall();
    // A clock that jumped back makes no age negative, one that jumped far ahead gives up nothing early without an
    // attempt.
    const bool too_old = now - delivery_.created > room_.config.retry.give_up && delivery_.attempts > 0;
    std::vector<RecipientOutcome> outcomes;
    std::vector<mail::FailedRecipient> failed;
    for (const auto& answer : result.answers) {
      RecipientOutcome outcome{answer.recipient, state_of(answer.reply.kind, too_old), answer.reply.line()};
      if (outcome.state == RecipientOutcome::State::kFailed) {
        if (answer.reply.kind == delivery::Reply::Kind::kTemporary) outcome.reply = "gave up: " + outcome.reply;
        failed.push_back({answer.recipient.empty() ? delivery_.destination : answer.recipient,
                          answer.reply.enhanced.empty() ? "5.0.0" : answer.reply.enhanced, outcome.reply,
                          remote_host()});
      }
      count(outcome);
      outcomes.push_back(std::move(outcome));
    }
    std::optional<storage::ReturnTo> returned;
    if (!failed.empty()) returned = make_return(std::move(failed), now);
    room_.store.queue().end_attempt(delivery_.id, now, outcomes, next_attempt(), returned);
  }

  static RecipientOutcome::State state_of(delivery::Reply::Kind kind, bool too_old) {
    switch (kind) {
      case delivery::Reply::Kind::kAccepted: return RecipientOutcome::State::kDelivered;
      case delivery::Reply::Kind::kPermanent: return RecipientOutcome::State::kFailed;
      case delivery::Reply::Kind::kTemporary: break;
    }
    return too_old ? RecipientOutcome::State::kFailed : RecipientOutcome::State::kDeferred;
  }

  void count(const RecipientOutcome& outcome) {
    const char* what = "delivered";
    switch (outcome.state) {
      case RecipientOutcome::State::kDelivered: ++end_.delivered; break;
      case RecipientOutcome::State::kDeferred: ++end_.deferred, what = "deferred"; break;
      case RecipientOutcome::State::kFailed: ++end_.failed, what = "returned"; break;
    }
    if (!end_.text.empty()) end_.text += "; ";
    end_.text +=
        fmt::format("{}{}{}: {}", what, outcome.recipient.empty() ? "" : " ", outcome.recipient, outcome.reply);
  }

  [[nodiscard]] std::string remote_host() const {
    auto found = room_.config.destinations.find(delivery_.destination);
    return found == room_.config.destinations.end() ? "" : found->second.endpoint.host;
  }

  storage::ReturnTo make_return(std::vector<mail::FailedRecipient> failed, mail::WallTime now) const {
    mail::DeliveryReport report;
    report.reporting_host = room_.config.host_name;
    report.to = room_.config.undelivered_user;
    report.destination = delivery_.destination;
    report.arrived = delivery_.created;
    report.now = now;
    report.unique_id = fmt::format("undelivered.{}.{}.{}", room_.instance, delivery_.id, delivery_.attempts);
    report.recipients = std::move(failed);
    const auto content = room_.store.content().open(delivery_.content);
    report.original_header = header(*content);

    std::string bytes = mail::build_report(report);
    const auto facts = mail::scan_message(bytes);
    storage::ReturnTo returned;
    returned.report = {std::make_shared<mail::MemoryContent>(std::move(bytes)), facts.content, facts.header.size(),
                       mail::encode_structure(facts.structure)};
    returned.report_placement = {room_.config.undelivered_user, "Undelivered", {}, now, 0};
    returned.message_placement = {room_.config.undelivered_user, "Undelivered", delivery_.flags,
                                  delivery_.internal_date, 0};
    return returned;
  }

  const AttemptRoom& room_;
  delivery::Transport& transport_;
  const bool remote_;
  const storage::QueuedDelivery& delivery_;
  std::stop_token stop_;
  AttemptEnd end_;
};

}  // namespace

AttemptEnd attempt(const AttemptRoom& room, delivery::Transport& transport, bool remote,
                   const storage::QueuedDelivery& delivery, std::stop_token stop) {
  return Attempt(room, transport, remote, delivery, std::move(stop)).run();
}

}  // namespace mailstead::agent
