#include "connectors/pop3/client/poll.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "connectors/pop3/client/cleanup.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::pop3 {
namespace {

constexpr unsigned kMaxBrokenOff = 10;  // sessions given up because of one message
constexpr std::size_t kMaxWarnings = 50;

}  // namespace

Poll::Poll(PollParts parts, const retrieval::PollOptions& options, mail::WallTime now, net::Deadline total)
    : parts_(parts), options_(options), now_(now), total_(std::move(total)) {
  std::uint32_t limit = options.limit != 0 ? options.limit : parts_.settings.max_messages_per_poll;
  room_ = limit != 0 ? limit : std::numeric_limits<std::uint64_t>::max();
}

retrieval::PollResult Poll::run() {
  while (run_session() == Next::kAnotherSession) {
    if (may_return()) continue;
    result_.more = true;
    break;
  }
  if (login_delay_.count() > 0) result_.not_before = login_delay_;
  return std::move(result_);
}

Poll::Next Poll::run_session() {
  parts_.observer.stage("signing in");
  SessionWish wish;
  wish.lists = true;
  wish.wants_sizes = parts_.memory.messages <= kSmallMaildrop;
  wish.one_by_one = one_by_one_;
  wish.now = now_;
  SignedIn session = sign_in(parts_.settings, parts_.dialer, parts_.memory, wish, total_);
  login_delay_ = session.capabilities.login_delay;
  if (one_by_one_ || parts_.memory.pipelining.given_up(now_)) session.capabilities.pipelining = false;
  in_hand_.clear();
  most_in_flight_ = 0;
  try {
    return work(session);
  } catch (const mail::Failure& failure) {
    session.connection->close();
    return recover(session, failure);
  }
}

Poll::Next Poll::work(SignedIn& session) {
  Connection& connection = *session.connection;
  const bool pipelining = session.capabilities.pipelining;
  parts_.observer.stage("listing");
  Maildrop maildrop = list_maildrop(connection, session.capabilities, session.asked, parts_.memory.messages);
  find_known(connection, pipelining, maildrop);
  for (auto& text : maildrop.warnings) warn(std::move(text));
  learn_from(session, maildrop);
  ask_sizes(connection, pipelining, maildrop);
  leave_aside(connection, pipelining, maildrop);
  report(maildrop);
  if (options_.dry_run) {
    leave(connection);
    return Next::kDone;
  }
  settle_gone(maildrop);
  if (options_.mark_retrieved) {
    leave(connection);
    mark_retrieved(maildrop);
    return Next::kDone;
  }
  return fetch_and_clean(session, maildrop);
}

Poll::Next Poll::fetch_and_clean(SignedIn& session, const Maildrop& maildrop) {
  Connection& connection = *session.connection;
  Selection wanted = choose(connection, session.capabilities, maildrop);
  if (!wanted.empty()) parts_.observer.stage("fetching");
  bool usable = fetch(connection, session.capabilities.pipelining, wanted);
  parts_.sink.flush();
  collect_durable();
  if (!usable) {
    connection.close();
    result_.more = broken_off_ >= kMaxBrokenOff;
    return result_.more ? Next::kDone : Next::kAnotherSession;
  }
  const bool confirmed = clean_up(session, maildrop);
  if (most_in_flight_ > 1) parts_.memory.pipelining = {};
  if (one_by_one_ && suspicion_ > 0) parts_.memory.pipelining.fail(now_, std::exchange(suspicion_, 0U));
  if (!confirmed) return Next::kDone;
  return more_in_maildrop_ || more_to_delete_ ? Next::kAnotherSession : Next::kDone;
}

// QUIRK: servers that announce PIPELINING and drop or mix up what comes in one packet: served one by one from then on
Poll::Next Poll::recover(const SignedIn& session, const mail::Failure& failure) {
  const bool of_the_wire =
      failure.scope() == mail::FailureScope::kSession &&
      (failure.kind() == mail::FailureKind::kTemporary || failure.kind() == mail::FailureKind::kProtocol);
  const bool of_a_message = failure.scope() == mail::FailureScope::kMessage;
  if (!of_the_wire && !of_a_message) throw failure;
  // What came whole is ours, whatever became of the connection.
  parts_.sink.flush();
  collect_durable();
  const bool stepped_over = !in_hand_.empty() && note_trouble(in_hand_, failure.text());
  if (of_a_message) handled_.insert(in_hand_);
  if (!may_return()) throw failure.retry_after() ? failure : failure.come_again_in(login_delay_);
  if (std::chrono::steady_clock::now() >= total_.at) throw failure;
  if ((stepped_over || of_a_message) && ++broken_off_ < kMaxBrokenOff) return Next::kAnotherSession;
  const bool pipelined = session.connection->in_flight() > 1;
  if (!pipelined || one_by_one_) throw failure;
  one_by_one_ = true;
  suspicion_ = failure.kind() == mail::FailureKind::kProtocol ? 2 : 1;
  return Next::kAnotherSession;
}

void Poll::learn_from(const SignedIn& session, const Maildrop& maildrop) {
  parts_.memory.messages = maildrop.messages.size();
  warn_of_expiry(session.capabilities);
}

// RFC 2449 §6.7. Said once per value.
void Poll::warn_of_expiry(const Capabilities& capabilities) {
  if (parts_.memory.told_expiry == capabilities.expire_days || options_.dry_run) return;
  parts_.memory.told_expiry = capabilities.expire_days;
  if (!capabilities.expire_days) return;
  const std::uint32_t days = *capabilities.expire_days;
  if (deletes() && parts_.settings.after <= std::chrono::hours(24) * days) return;
  if (days == 0) {
    warn("the server itself deletes what was retrieved (EXPIRE 0): nothing can be kept there");
  } else {
    warn("the server itself deletes messages " + std::to_string(days) + " days after they were retrieved (EXPIRE " +
         std::to_string(days) + ")");
  }
}

retrieval::Incoming Poll::describe(const ListedMessage& message) const {
  retrieval::Incoming incoming;
  incoming.source.account = parts_.settings.name;
  incoming.source.uidl = message.identity;
  incoming.size_hint = std::min(message.size.value_or(0), max_message());
  incoming.internal_date = now_;
  return incoming;
}

mail::ByteCount Poll::max_message() const {
  auto limit = parts_.settings.skip_larger_than;
  return limit != 0 ? limit : mail::kDefaultMaxMessageBytes;
}

std::size_t Poll::commit_every() const {
  if (!may_return()) return std::numeric_limits<std::size_t>::max();
  return std::max<std::size_t>(1, parts_.settings.commit_every);
}

void Poll::warn(std::string text) {
  if (result_.warnings.size() < kMaxWarnings) result_.warnings.push_back(std::move(text));
}

}  // namespace mailstead::pop3
