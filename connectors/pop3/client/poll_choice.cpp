// Which messages a poll takes, and their way into the sink.
#include <algorithm>

#include "connectors/pop3/client/download.h"
#include "connectors/pop3/client/header_reader.h"
#include "connectors/pop3/client/poll.h"
#include "connectors/pop3/client/refusal.h"
#include "mail/date.h"
#include "mail/escape.h"
#include "mail/header.h"
#include "mail/units.h"

namespace mailstead::pop3 {
namespace {

// When it arrived: the topmost Received tells, else the author's Date.
std::optional<mail::WallTime> arrival_in(std::string_view header) {
  const auto block = mail::HeaderBlock::parse(header);
  if (const auto* received = block.first("Received")) {
    std::string value = mail::unfold(received->value);
    if (auto semicolon = value.rfind(';'); semicolon != std::string::npos) {
      if (auto date = mail::parse_date(std::string_view(value).substr(semicolon + 1))) return date->utc;
    }
  }
  const auto* date = block.first("Date");
  auto parsed = date != nullptr ? mail::parse_date(mail::unfold(date->value)) : std::nullopt;
  return parsed ? std::optional(parsed->utc) : std::nullopt;
}

// For people: ": "Subject", from Somebody".
std::string words_of(std::string_view header) {
  const auto block = mail::HeaderBlock::parse(header);
  std::string words;
  if (const auto* subject = block.first("Subject")) words += ": \"" + mail::decoded_value(*subject) + "\"";
  if (const auto* from = block.first("From"))
    words += (words.empty() ? ": from " : ", from ") + mail::decoded_value(*from);
  return mail::printable(words, 300);
}

}  // namespace

bool Poll::is_candidate(const ListedMessage& message) const {
  return !message.known && !message.refused && !message.left && !handled_.contains(message.identity);
}

// `since` by the header. A message whose header is refused stays: nothing says that it is new enough.
void Poll::leave_aside(Connection& connection, bool pipelining, Maildrop& maildrop) {
  if (!options_.since) return;
  std::vector<ListedMessage*> asked;
  for (auto& message : maildrop.messages) {
    if (is_candidate(message)) asked.push_back(&message);
  }
  std::size_t refused = 0;
  read_headers(connection, pipelining, asked, [&](ListedMessage& message, const std::string_view* header) {
    if (header == nullptr) ++refused;
    auto arrived = header != nullptr ? arrival_in(*header) : mail::WallTime::min();
    message.left = arrived && *arrived < *options_.since;
  });
  if (refused > 0) {
    warn("the server has no TOP for " + std::to_string(refused) +
         " messages: when they arrived is not known, they are left for a poll without a date");
  }
}

// Dry runs and progress bars hear of everything new at once, not again in later sessions of the same poll.
void Poll::report(const Maildrop& maildrop) {
  if (announced_) return;
  announced_ = true;
  std::uint64_t count = 0;
  mail::ByteCount bytes = 0;
  for (const auto& message : maildrop.messages) {
    if (!is_candidate(message) || message.size.value_or(0) > max_message()) continue;
    if (count == room_) break;
    ++count;
    // A lie must not overflow the sum.
    bytes += std::min(message.size.value_or(0), max_message());
    if (options_.dry_run) parts_.observer.would_fetch(describe(message));
  }
  parts_.observer.found("", count, bytes);
}

void Poll::mark_retrieved(const Maildrop& maildrop) {
  std::vector<std::string> marked;
  for (const auto& message : maildrop.messages) {
    if (!is_candidate(message)) continue;
    if (marked.size() >= room_) break;
    marked.emplace_back(message.identity);
  }
  parts_.ledger.mark_uidls(parts_.settings.name, marked);
  result_.marked = marked.size();
}

Poll::Selection Poll::choose(Connection& connection, const Capabilities& capabilities, const Maildrop& maildrop) {
  Selection wanted;
  std::vector<ListedMessage> large;
  more_in_maildrop_ = false;
  for (const auto& message : maildrop.messages) {
    if (!is_candidate(message)) continue;
    if (message.size.value_or(0) > max_message()) {
      large.push_back(message);
    } else if (wanted.size() >= room_) {
      result_.more = true;
      break;
    } else if (deletes() && wanted.size() >= commit_every()) {
      more_in_maildrop_ = true;
      break;
    } else {
      wanted.push_back(&message);
    }
  }
  skip_large(connection, capabilities, large);
  return wanted;
}

// The header tells the user what was left, where the server can show it.
void Poll::skip_large(Connection& connection, const Capabilities& capabilities, std::vector<ListedMessage>& large) {
  const std::string reason = "larger than " + mail::format_size(max_message());
  if (!capabilities.top) {
    for (const auto& message : large) skip(message, reason);
    return;
  }
  std::vector<ListedMessage*> asked;
  for (auto& message : large) asked.push_back(&message);
  read_headers(connection, capabilities.pipelining, asked, [&](ListedMessage& message, const std::string_view* header) {
    skip(message, header != nullptr ? reason + words_of(*header) : reason);
  });
}

bool Poll::fetch(Connection& connection, bool pipelining, const Selection& wanted) {
  DownloadLimits limits{pipelining, parts_.settings.window_bytes, max_message()};
  DownloadEvents events;
  events.describe = [this](const ListedMessage& message) { return describe(message); };
  events.expecting = [this, &connection](const ListedMessage* message) {
    in_hand_.assign(message != nullptr ? message->identity : std::string_view());
    most_in_flight_ = std::max(most_in_flight_, connection.in_flight());
  };
  events.fetched = [this](const ListedMessage& message, mail::ByteCount size) {
    if (deletes()) handled_.emplace(message.identity);
    ++result_.fetched;
    --room_;
    result_.bytes += size;
  };
  events.refused = [this](const ListedMessage& message, const Reply& reply) {
    handled_.emplace(message.identity);
    --room_;
    const std::string words = mail::printable(reply.text, 200);
    warn("message " + std::to_string(message.number) + " could not be retrieved: " + words);
    // "[SYS/TEMP] over your bandwidth" says nothing of the message.
    if (!is_temporary(reply)) note_trouble(std::string(message.identity), "refused: " + words);
  };
  events.oversized = [this](const ListedMessage& message) {
    ++broken_off_;
    skip(message, "larger than " + mail::format_size(max_message()) + ", although announced as " +
                      (message.size ? mail::format_size(*message.size) : "of unknown size"));
  };
  return download(connection, wanted, limits, events, parts_.sink);
}

void Poll::skip(const ListedMessage& message, const std::string& reason) {
  handled_.emplace(message.identity);
  ++result_.skipped;
  parts_.sink.skipped(describe(message), reason);
}

}  // namespace mailstead::pop3
