#include "connectors/pop3/client/download.h"

#include <algorithm>

namespace mailstead::pop3 {
namespace {

constexpr std::size_t kMaxInFlight = 256;            // commands: 4 KiB of them, less than any socket buffer
constexpr mail::ByteCount kUnknownSize = 64 * 1024;  // what a message without a size counts in the window
constexpr mail::ByteCount kMessageOverhead = 64;     // an empty one costs a line, too

// Which commands may be sent now. Refills when half empty, so that commands leave in batches.
class Window {
 public:
  Window(const std::vector<const ListedMessage*>& wanted, const DownloadLimits& limits)
      : wanted_(wanted), max_count_(limits.pipelining ? kMaxInFlight : 1), max_bytes_(limits.window_bytes) {}

  // The commands to send before message `current` is read: at least its own.
  [[nodiscard]] std::string commands(std::size_t current) {
    std::string result;
    bool half_full = asked_ - current > max_count_ / 2 && bytes_ > max_bytes_ / 2;
    if (asked_ > current && half_full) return result;
    while (asked_ < wanted_.size() && (asked_ == current || has_room(current))) {
      result += "RETR " + std::to_string(wanted_[asked_]->number) + "\r\n";
      bytes_ += weight(asked_++);
    }
    return result;
  }
  void received(std::size_t index) { bytes_ -= weight(index); }

 private:
  [[nodiscard]] bool has_room(std::size_t current) const {
    return asked_ - current < max_count_ && bytes_ + weight(asked_) <= max_bytes_;
  }
  [[nodiscard]] mail::ByteCount weight(std::size_t index) const {
    return std::min(wanted_[index]->size.value_or(kUnknownSize), max_bytes_) + kMessageOverhead;
  }

  const std::vector<const ListedMessage*>& wanted_;
  const std::size_t max_count_;
  const mail::ByteCount max_bytes_;
  std::size_t asked_ = 0;
  mail::ByteCount bytes_ = 0;
};

// Aborts at the sink whatever way the message ends but end().
class OpenMessage {
 public:
  OpenMessage(retrieval::MessageSink& sink, const retrieval::Incoming& incoming) : sink_(sink) {
    sink_.begin(incoming);
  }
  ~OpenMessage() {
    if (open_) sink_.abort();
  }
  OpenMessage(const OpenMessage&) = delete;
  OpenMessage& operator=(const OpenMessage&) = delete;
  void end() {
    sink_.end();
    open_ = false;
  }

 private:
  retrieval::MessageSink& sink_;
  bool open_ = true;
};

// False: oversized.
bool receive(Connection& connection, const ListedMessage& message, mail::ByteCount limit, const DownloadEvents& events,
             retrieval::MessageSink& sink) {
  mail::ByteCount size = 0;
  {
    OpenMessage open(sink, events.describe(message));
    bool whole = connection.read_body(limit, message.size, [&](std::string_view piece) {
      size += piece.size();
      sink.append(piece);
    });
    if (!whole) return false;
    open.end();
  }
  events.fetched(message, size);
  return true;
}

}  // namespace

bool download(Connection& connection, const std::vector<const ListedMessage*>& wanted, const DownloadLimits& limits,
              const DownloadEvents& events, retrieval::MessageSink& sink) {
  Window window(wanted, limits);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::string commands = window.commands(i); !commands.empty()) connection.send(commands);
    events.expecting(wanted[i]);
    Reply reply = connection.read_reply();
    if (reply.kind == ReplyKind::kContinuation) connection.violate("a continuation instead of a message");
    if (!reply.ok()) {
      events.refused(*wanted[i], reply);
    } else if (!receive(connection, *wanted[i], limits.max_message, events, sink)) {
      events.oversized(*wanted[i]);
      return false;
    }
    window.received(i);
  }
  events.expecting(nullptr);
  return true;
}

}  // namespace mailstead::pop3
