#include "agent/delivery/attempt.h"

#include "agent/crash_note.h"
#include "agent/delivery/trace.h"
#include "agent/delivery/undelivered.h"
#include "agent/trouble.h"
#include "mail/escape.h"

#include <fmt/format.h>

#include <algorithm>

namespace mailstead::agent {

namespace {

using storage::RecipientOutcome;

class Attempt {
 public:
  Attempt(const AttemptRoom& room, const storage::QueuedDelivery& delivery)
      : room_(room), delivery_(delivery), policy_(policy_of(room.config, delivery.destination)) {}

  AttemptEnd run(delivery::Transport& transport, bool remote, const std::stop_token& stop) {
    const std::string note = crash_note_of(delivery_);
    const InHand in_hand(note);
    if (!is_wanted()) {
      end_.cancelled = true;
      return end_;
    }
    delivery::Result result = deliver(transport, remote, stop);
    if (result.failure && result.failure->kind() == mail::FailureKind::kCancelled) {
      end_.cancelled = true;
      return end_;
    }
    if (result.failure) end_.failure = result.failure->text();
    end_.destination_down = result.failure && result.failure->scope() != mail::FailureScope::kMessage;
    // A clock that jumped far ahead gives up nothing at its first attempt.
    const bool too_old = is_too_old() && delivery_.attempts > 0;
    if (result.answer_lost() && !too_old)
      leave_open(result);
    else
      record(result, too_old);
    return end_;
  }

  bool give_up_if_old(const std::string& why) {
    if (!is_too_old()) return false;
    record(answered({delivery::Reply::Kind::kTemporary, 0, "4.4.1", why}), true);
    return true;
  }

 private:
  // Since it was taken in hand its user may have dropped or held it.
  [[nodiscard]] bool is_wanted() const {
    const auto now = room_.store.queue().find(delivery_.id);
    return now && !now->held;
  }

  static const RetryPolicy& policy_of(const Config& config, const std::string& destination) {
    const auto found = config.destinations.find(destination);
    return found == config.destinations.end() ? config.retry : found->second.retry;
  }

  delivery::Result deliver(delivery::Transport& transport, bool remote, const std::stop_token& stop) {
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
      if (remote) {
        if (auto loop = loop_in(header_of(room_, delivery_, *message.content), room_.instance))
          return answered({delivery::Reply::Kind::kPermanent, 0, "5.4.6", *loop});
        message.content = with_trace(std::move(message.content), room_.config.host_name, room_.instance,
                                     delivery_.message, room_.clock.wall());
      }
    } catch (const mail::Failure& failure) {
      auto result = answered({delivery::Reply::Kind::kTemporary, 0, "", failure.text()});
      result.failure = failure;
      return result;
    }
    delivery::Context context;
    context.stop = stop;
    context.before_commit = [this] { room_.store.queue().begin_attempt(delivery_.id, room_.clock.wall()); };
    return transport.deliver(message, context);
  }

  [[nodiscard]] delivery::Result answered(const delivery::Reply& reply) const {
    return delivery::Result::same_for_all(delivery_.recipients, reply);
  }

  [[nodiscard]] mail::WallTime next_attempt() const {
    return room_.clock.wall() +
           retry_delay(policy_, delivery_.attempts + 1, static_cast<std::uint64_t>(delivery_.id) * 7919U);
  }

  // The remote may have it: the open attempt stays on record, so that the next one knows.
  void leave_open(const delivery::Result& result) {
    end_.deferred = result.answers.size();
    end_.text = "the answer was lost: " + (result.failure ? result.failure->text() : std::string("no reply"));
    room_.store.history().add(delivery_.message,
                              {room_.clock.wall(), "attempt", fmt::format("{}: {}", delivery_.destination, end_.text)});
    if (!room_.store.queue().retry_at(delivery_.id, next_attempt())) end_.text += " (and the delivery was dropped)";
  }

  [[nodiscard]] bool is_too_old() const { return room_.clock.wall() - delivery_.created > policy_.give_up; }

  void record(const delivery::Result& result, bool too_old) {
    storage::AttemptOutcome all;
    std::vector<mail::FailedRecipient> failed, late;
    bool kept = false;
    for (const auto& answer : result.answers) {
      RecipientOutcome outcome{answer.recipient, state_of(answer.reply.kind, too_old), answer.reply.line()};
      const bool gave_up =
          outcome.state == RecipientOutcome::State::kFailed && answer.reply.kind == delivery::Reply::Kind::kTemporary;
      if (gave_up) outcome.reply = "gave up: " + outcome.reply;
      if (const auto what = on_refusal(answer.reply)) {
        treat_as_spam(*what, outcome, all, kept);
        continue;
      }
      const mail::FailedRecipient told{answer.recipient.empty() ? delivery_.destination : answer.recipient,
                                       answer.reply.enhanced, outcome.reply, remote_host()};
      if (outcome.state == RecipientOutcome::State::kFailed) failed.push_back(told);
      if (outcome.state == RecipientOutcome::State::kDeferred) late.push_back(told);
      count(outcome);
      all.recipients.push_back(std::move(outcome));
    }
    if (!failed.empty())
      all.returned = make_return(room_, delivery_, std::move(failed));
    else if (kept)
      all.returned = keep_without_report(room_, delivery_);
    // As long as others are to be tried again, those who refused it are asked again with them.
    if (!late.empty()) all.quarantine.clear();
    if (!late.empty() && warns()) all.warning = warning_of(std::move(late));
    all.next_attempt = next_attempt();
    room_.store.queue().end_attempt(delivery_.id, room_.clock.wall(), all);
    end_.warned = all.warning.has_value();
  }

  // What the destination's settings say of such a refusal.
  [[nodiscard]] std::optional<OnRefusal> on_refusal(const delivery::Reply& reply) const {
    const auto found = room_.config.destinations.find(delivery_.destination);
    if (found == room_.config.destinations.end() || reply.kind != delivery::Reply::Kind::kPermanent || reply.code == 0)
      return std::nullopt;
    const auto& codes = found->second.antispam;
    for (const std::string& code : {reply.enhanced, std::to_string(reply.code)})
      if (const auto entry = codes.find(code); entry != codes.end()) return entry->second;
    return std::nullopt;
  }

  void treat_as_spam(OnRefusal what, RecipientOutcome& outcome, storage::AttemptOutcome& all, bool& kept) {
    const std::string reply = outcome.reply;
    outcome.reply = "refused as spam and discarded: " + reply;
    if (what == OnRefusal::kKeep) {
      outcome.reply = "refused as spam and kept: " + reply;
      kept = true;
    }
    if (what == OnRefusal::kQuarantine) {
      outcome.state = RecipientOutcome::State::kDeferred;
      outcome.reply = all.quarantine = "refused as spam: " + reply;
    }
    count(outcome);
    all.recipients.push_back(std::move(outcome));
  }

  // Once for each message; once for all of a destination that is down.
  [[nodiscard]] bool warns() const {
    if (policy_.warn_after.count() == 0 || delivery_.warned) return false;
    if (end_.destination_down && room_.outage_reported) return false;
    return room_.clock.wall() - delivery_.created > policy_.warn_after;
  }

  [[nodiscard]] storage::Notice warning_of(std::vector<mail::FailedRecipient> late) const {
    const std::size_t waiting =
        end_.destination_down ? room_.store.queue().waiting(delivery_.destination) : std::size_t{1};
    return make_warning(room_, delivery_, std::move(late), delivery_.created + policy_.give_up,
                        waiting > 0 ? waiting - 1 : 0);
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

  const AttemptRoom& room_;
  const storage::QueuedDelivery& delivery_;
  const RetryPolicy& policy_;
  AttemptEnd end_;
};

}  // namespace

AttemptEnd attempt(const AttemptRoom& room, delivery::Transport& transport, bool remote,
                   const storage::QueuedDelivery& delivery, std::stop_token stop) {
  return Attempt(room, delivery).run(transport, remote, stop);
}

bool give_up_if_old(const AttemptRoom& room, const storage::QueuedDelivery& delivery, const std::string& why) {
  return Attempt(room, delivery).give_up_if_old(why);
}

}  // namespace mailstead::agent
