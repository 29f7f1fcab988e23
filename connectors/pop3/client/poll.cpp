#include "connectors/pop3/client/poll.h"

#include <algorithm>
#include <limits>

#include "connectors/pop3/client/cleanup.h"
#include "connectors/pop3/client/download.h"
#include "mail/escape.h"
#include "mail/failpoint.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::pop3 {
namespace {

// Deletions become true at QUIT only: a connection that breaks late costs no more than so many repeated ones.
constexpr std::size_t kMessagesPerSession = 1000;
constexpr unsigned kMaxBrokenOff = 10;  // sessions given up because a message was larger than announced
constexpr std::size_t kMaxWarnings = 50;

}  // namespace

Poll::Poll(PollParts parts, const retrieval::PollOptions& options, mail::WallTime now, net::Deadline total)
    : parts_(parts), options_(options), now_(now), total_(std::move(total)) {
  std::uint32_t limit = options.limit != 0 ? options.limit : parts_.settings.max_messages_per_poll;
  room_ = limit != 0 ? limit : std::numeric_limits<std::uint64_t>::max();
}

retrieval::PollResult Poll::run() {
  while (run_session() == Next::kAnotherSession) {
  }
  return std::move(result_);
}

Poll::Next Poll::run_session() {
  parts_.observer.stage("signing in");
  SignedIn session = sign_in(parts_.settings, parts_.dialer, parts_.memory, total_);
  Connection& connection = *session.connection;
  parts_.observer.stage("listing");
  std::unordered_set<std::string> known = parts_.ledger.uidls(parts_.settings.name);
  Maildrop maildrop = list_maildrop(connection, session.capabilities, known);
  for (auto& text : maildrop.warnings) warn(std::move(text));
  ask_sizes(connection, session.capabilities.pipelining, maildrop);
  report(maildrop);
  if (options_.dry_run) {
    std::string ignored;
    (void)quit(connection, ignored);
    return Next::kDone;
  }
  settle_gone(maildrop, known);
  known.clear();
  Selection wanted = choose(maildrop);
  if (!wanted.empty()) parts_.observer.stage("fetching");
  bool usable = fetch(connection, session.capabilities.pipelining, wanted);
  parts_.sink.flush();
  collect_durable();
  if (!usable) {
    connection.close();
    result_.more = broken_off_ >= kMaxBrokenOff;
    return result_.more ? Next::kDone : Next::kAnotherSession;
  }
  if (!clean_up(session, maildrop)) return Next::kDone;
  return more_in_maildrop_ || more_to_delete_ ? Next::kAnotherSession : Next::kDone;
}

void Poll::collect_durable() {
  std::vector<storage::SourceRef> sources = parts_.sink.take_durable();
  if (!deletes() || parts_.settings.after.count() != 0) return;
  for (auto& source : sources) durable_.insert(std::move(source.uidl));
}

// Dry runs and progress bars hear of everything new at once, not again in later sessions of the same poll.
void Poll::report(const Maildrop& maildrop) {
  if (announced_) return;
  announced_ = true;
  std::uint64_t count = 0;
  mail::ByteCount bytes = 0;
  for (const auto& message : maildrop.messages) {
    if (message.known || message.refused || message.size.value_or(0) > max_message()) continue;
    if (count == room_) break;
    ++count;
    // A lie must not overflow the sum.
    bytes += std::min(message.size.value_or(0), max_message());
    if (options_.dry_run) parts_.observer.would_fetch(describe(message));
  }
  parts_.observer.found("", count, bytes);
}

// Only a complete listing says that something is gone. A pending clean-up of such a message is done with (K13).
void Poll::settle_gone(const Maildrop& maildrop, const std::unordered_set<std::string>& known) {
  if (!maildrop.complete || known.empty()) return;
  auto present = static_cast<std::size_t>(
      std::count_if(maildrop.messages.begin(), maildrop.messages.end(), [](const auto& m) { return m.known; }));
  if (present == known.size()) return;
  std::unordered_set<std::string_view> here;
  here.reserve(present);
  for (const auto& message : maildrop.messages) {
    if (message.known) here.insert(message.identity);
  }
  std::vector<std::string> gone;
  for (const auto& identity : known) {
    if (!here.contains(identity)) gone.push_back(identity);
  }
  std::unordered_set<std::string_view> is_gone(gone.begin(), gone.end());
  std::vector<std::string> settled;
  for (auto& cleanup : parts_.ledger.cleanup_due(parts_.settings.name, "", now_)) {
    if (is_gone.contains(cleanup.uidl)) settled.push_back(std::move(cleanup.uidl));
  }
  if (!settled.empty()) parts_.ledger.cleaned_uidls(parts_.settings.name, settled, true);
  parts_.ledger.forget_uidls(parts_.settings.name, gone);
}

Poll::Selection Poll::choose(const Maildrop& maildrop) {
  Selection wanted;
  more_in_maildrop_ = false;
  for (const auto& message : maildrop.messages) {
    if (message.known || message.refused || handled_.contains(message.identity)) continue;
    if (message.size.value_or(0) > max_message()) {
      skip(message, "larger than " + mail::format_size(max_message()));
    } else if (wanted.size() >= room_) {
      result_.more = true;
      break;
    } else if (deletes() && wanted.size() >= kMessagesPerSession) {
      more_in_maildrop_ = true;
      break;
    } else {
      wanted.push_back(&message);
    }
  }
  return wanted;
}

bool Poll::fetch(Connection& connection, bool pipelining, const Selection& wanted) {
  DownloadLimits limits{pipelining, parts_.settings.window_bytes, max_message()};
  DownloadEvents events;
  events.describe = [this](const ListedMessage& message) { return describe(message); };
  events.fetched = [this](const ListedMessage& message, mail::ByteCount size) {
    if (deletes()) handled_.insert(message.identity);
    ++result_.fetched;
    --room_;
    result_.bytes += size;
  };
  events.refused = [this](const ListedMessage& message, const std::string& reply) {
    handled_.insert(message.identity);
    --room_;
    warn("message " + std::to_string(message.number) + " could not be retrieved: " + reply);
  };
  events.oversized = [this](const ListedMessage& message) {
    ++broken_off_;
    skip(message, "larger than " + mail::format_size(max_message()) + ", although announced as " +
                      (message.size ? mail::format_size(*message.size) : "of unknown size"));
  };
  return download(connection, wanted, limits, events, parts_.sink);
}

bool Poll::clean_up(SignedIn& session, const Maildrop& maildrop) {
  Selection marked;
  more_to_delete_ = false;
  if (deletes()) {
    Selection wanted = deletable(maildrop);
    if (!wanted.empty()) {
      parts_.observer.stage("cleaning up");
      MAILSTEAD_FAILPOINT("cleanup.before");
      marked = mark_deleted(*session.connection, session.capabilities.pipelining, wanted, result_.warnings);
      more_to_delete_ = more_to_delete_ && !marked.empty();
    }
  }
  std::string why;
  bool confirmed = quit(*session.connection, why);
  if (marked.empty()) return true;
  if (!confirmed) {
    warn("the server did not confirm the deletion of " + std::to_string(marked.size()) + " messages (" + why +
         "): it is checked at the next poll");
    return false;
  }
  std::vector<std::string> deleted;
  deleted.reserve(marked.size());
  for (const ListedMessage* message : marked) {
    deleted.push_back(message->identity);
    durable_.erase(message->identity);
  }
  parts_.ledger.cleaned_uidls(parts_.settings.name, deleted, true);
  result_.cleaned += deleted.size();
  return true;
}

// What is due by the ledger, and what the sink has just called durable when nothing is to be waited for.
Poll::Selection Poll::deletable(const Maildrop& maildrop) {
  std::unordered_set<std::string> due;
  for (auto& cleanup : parts_.ledger.cleanup_due(parts_.settings.name, "", now_)) due.insert(std::move(cleanup.uidl));
  due.insert(durable_.begin(), durable_.end());
  Selection selection;
  for (const auto& message : maildrop.messages) {
    if (message.refused || !due.contains(message.identity)) continue;
    if (selection.size() >= kMessagesPerSession) {
      more_to_delete_ = true;
      break;
    }
    selection.push_back(&message);
  }
  return selection;
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

void Poll::skip(const ListedMessage& message, const std::string& reason) {
  handled_.insert(message.identity);
  ++result_.skipped;
  parts_.sink.skipped(describe(message), reason);
}

void Poll::warn(std::string text) {
  if (result_.warnings.size() < kMaxWarnings) result_.warnings.push_back(std::move(text));
}

}  // namespace mailstead::pop3
