#include "connectors/pop3/client/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/secret.h"

namespace mailstead::pop3 {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// A line that nobody wants is read over, but not for ever.
constexpr mail::ByteCount kMaxDiscardedLine = 16 * 1024 * 1024;
constexpr std::size_t kKeptOfDiscarded = 64;  // room for the message number
// How long a server may think before it goes on with a message that looks as if it had ended.
constexpr std::chrono::seconds kFinalDotWait{10};

// Below 500 octets/s (Postfix, smtpd_min_data_rate) over a minute of waiting, a peer only holds us up.
constexpr std::chrono::seconds kRateWindow{60};
constexpr mail::ByteCount kMinOctetsPerWindow = 500 * 60;

std::string_view without_cr(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

Connection::Connection(std::unique_ptr<net::Stream> stream, const net::Endpoint& endpoint, net::Deadline total)
    : endpoint_(endpoint), total_(std::move(total)), stream_(std::move(stream)), reader_(*stream_) {}

std::string Connection::name() const {
  return endpoint_.place();
}

void Connection::violate(const std::string& what) const {
  throw Failure(FailureKind::kProtocol, FailureScope::kSession, name() + ": " + what);
}

void Connection::send(std::string_view commands) {
  outstanding_ += static_cast<std::size_t>(std::count(commands.begin(), commands.end(), '\n'));
  if (queued_.empty()) return stream_->write_all(commands, total_.capped(endpoint_.timeouts.command));
  mail::Secret both(std::exchange(queued_, {}).append(commands));
  stream_->write_all(both.reveal(), total_.capped(endpoint_.timeouts.command));
}

void Connection::queue(std::string_view command) {
  queued_ += command;
  ++unread_;
}

Reply Connection::exchange(const std::string& command) {
  send(command + "\r\n");
  return read_reply();
}

Reply Connection::read_reply(std::chrono::seconds wait) {
  for (; unread_ > 0; --unread_) (void)next_line(mail::kMaxReplyLine, wait, true);
  Line line = next_line(mail::kMaxReplyLine, wait, false);
  if (line.cut) {
    throw Failure(FailureKind::kLimit, FailureScope::kSession, name() + ": the reply line is too long");
  }
  auto reply = parse_reply(line.text);
  if (!reply) violate("this is no POP3 reply: " + mail::printable(line.text, 200));
  if (outstanding_ > 0) --outstanding_;
  return *reply;
}

void Connection::read_lines(std::size_t limit, std::size_t max_lines, const VisitLine& visit) {
  inside_answer_ = true;
  for (std::size_t lines = 0;; ++lines) {
    Line line = next_line(limit + 1, endpoint_.timeouts.command, true);
    if (line.text == "." && !line.cut) break;
    if (lines >= max_lines) {
      throw Failure(FailureKind::kLimit, FailureScope::kSession,
                    name() + ": a reply of more than " + std::to_string(max_lines) + " lines");
    }
    if (!line.text.empty() && line.text.front() == '.') line.text.remove_prefix(1);
    bool above = line.text.size() > limit;
    visit(above ? line.text.substr(0, kKeptOfDiscarded) : line.text, above || line.cut);
  }
  inside_answer_ = false;
}

Connection::Line Connection::next_line(std::size_t limit, std::chrono::seconds wait, bool discards) {
  std::size_t searched = 0;
  for (;;) {
    std::string_view bytes = reader_.buffered();
    const void* found =
        bytes.size() > searched ? std::memchr(bytes.data() + searched, '\n', bytes.size() - searched) : nullptr;
    if (found != nullptr) {
      auto length = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
      std::string_view text = without_cr(bytes.substr(0, length));
      bare_line_feed_ = text.size() == length;
      reader_.consume(length + 1);  // the bytes stay until the next fill
      if (text.size() <= limit) return {text, false};
      return {text.substr(0, kKeptOfDiscarded), true};
    }
    if (bytes.size() > limit + 1) return discards ? discard_line(wait) : Line{bytes.substr(0, kKeptOfDiscarded), true};
    searched = bytes.size();
    fill(wait);
  }
}

Connection::Line Connection::discard_line(std::chrono::seconds wait) {
  scratch_.assign(reader_.buffered().substr(0, kKeptOfDiscarded));
  for (mail::ByteCount discarded = 0; discarded <= kMaxDiscardedLine;) {
    std::string_view bytes = reader_.buffered();
    const void* found = bytes.empty() ? nullptr : std::memchr(bytes.data(), '\n', bytes.size());
    if (found != nullptr) {
      reader_.consume(static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + 1);
      return {scratch_, true};
    }
    discarded += bytes.size();
    reader_.consume(bytes.size());
    fill(wait);
  }
  throw Failure(FailureKind::kLimit, FailureScope::kSession, name() + ": a line without end");
}

void Connection::fill(std::chrono::seconds wait) {
  auto before = std::chrono::steady_clock::now();
  reader_.fill(total_.capped(wait));
  waited_ += std::chrono::steady_clock::now() - before;
  if (waited_ < kRateWindow) return;
  if (reader_.total() - octets_at_look_ < kMinOctetsPerWindow) {
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, name() + ": the server sends too slowly");
  }
  waited_ = {};
  octets_at_look_ = reader_.total();
}

bool Connection::fill_within(std::chrono::seconds wait) {
  auto until = std::chrono::steady_clock::now() + wait;
  try {
    fill(wait);
    return true;
  } catch (const Failure& failure) {
    if (failure.kind() != FailureKind::kTemporary || std::chrono::steady_clock::now() < until) throw;
    return false;
  }
}

bool Connection::no_more_of_message() {
  constexpr std::size_t kLongestStatus = 5;  // "-ERR" and a blank
  std::chrono::seconds wait = std::min(kFinalDotWait, endpoint_.timeouts.command);
  while (reader_.buffered().size() < kLongestStatus) {
    // The terminator, a stuffed dot, text: the message goes on.
    std::string_view begun = reader_.buffered();
    if (!begun.empty() && begun.front() != '+' && begun.front() != '-') return false;
    if (!fill_within(wait)) return begun.empty();
  }
  if (outstanding_ == 0) return false;
  std::string_view next = reader_.buffered().substr(0, kLongestStatus);
  std::size_t status = next.front() == '+' ? 3 : 4;
  auto reply = parse_reply(next.substr(0, status));
  char behind = next[std::min(status, next.size() - 1)];
  return reply && reply->kind != ReplyKind::kContinuation && (behind == ' ' || behind == '\r');
}

void Connection::start_tls() {
  reader_.require_empty();
  stream_->start_tls(endpoint_.tls_settings, endpoint_.host, total_.capped(endpoint_.timeouts.connect));
}

bool Connection::is_private() const {
  if (stream_->tls()) return true;
  std::string peer = stream_->peer();
  return endpoint_.is_private_line() || peer == "local" || peer.starts_with("127.") || peer.starts_with("[::1]");
}

}  // namespace mailstead::pop3
