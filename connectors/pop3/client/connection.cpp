#include "connectors/pop3/client/connection.h"

#include <cstring>

#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::pop3 {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// A line that nobody wants is read over, but not for ever.
constexpr mail::ByteCount kMaxDiscardedLine = 16 * 1024 * 1024;
constexpr std::size_t kKeptOfDiscarded = 64;  // room for the message number

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
  return endpoint_.unix_socket.empty() ? endpoint_.host + ":" + std::to_string(endpoint_.port) : endpoint_.unix_socket;
}

void Connection::violate(const std::string& what) const {
  throw Failure(FailureKind::kProtocol, FailureScope::kSession, name() + ": " + what);
}

void Connection::send(std::string_view commands) {
  stream_->write_all(commands, total_.capped(endpoint_.timeouts.command));
}

Reply Connection::exchange(const std::string& command) {
  send(command + "\r\n");
  return read_reply();
}

Reply Connection::read_reply(std::chrono::seconds wait) {
  Line line = next_line(mail::kMaxReplyLine, wait, false);
  if (line.cut) {
    throw Failure(FailureKind::kLimit, FailureScope::kSession, name() + ": the reply line is too long");
  }
  auto reply = parse_reply(line.text);
  if (!reply) violate("this is no POP3 reply: " + mail::printable(line.text, 200));
  return *reply;
}

void Connection::read_lines(std::size_t limit, std::size_t max_lines, const VisitLine& visit) {
  for (std::size_t lines = 0;; ++lines) {
    Line line = next_line(limit + 1, endpoint_.timeouts.command, true);
    if (line.text == "." && !line.cut) return;
    if (lines >= max_lines) {
      throw Failure(FailureKind::kLimit, FailureScope::kSession,
                    name() + ": a reply of more than " + std::to_string(max_lines) + " lines");
    }
    if (!line.text.empty() && line.text.front() == '.') line.text.remove_prefix(1);
    bool above = line.text.size() > limit;
    visit(above ? line.text.substr(0, kKeptOfDiscarded) : line.text, above || line.cut);
  }
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

void Connection::start_tls() {
  reader_.require_empty();
  stream_->start_tls(endpoint_.tls_settings, endpoint_.host, total_.capped(endpoint_.timeouts.connect));
}

bool Connection::is_private() const {
  if (stream_->tls()) return true;
  std::string peer = stream_->peer();
  return peer == "local" || peer.starts_with("127.") || peer.starts_with("[::1]");
}

}  // namespace mailstead::pop3
