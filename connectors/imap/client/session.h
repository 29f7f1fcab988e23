// One IMAP connection: commands with tags out, responses in, and what every response may tell (capabilities, the
// selected mailbox, alerts, BYE). It knows no command's meaning; those are one file each.
//
// After any Failure thrown here, unless its scope is kFolder or narrower, the connection is of no use: destroy it.
// Deadlines: each answer within timeouts.command, all since restart_clock() within timeouts.total. One thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/client/capabilities.h"
#include "connectors/imap/client/command_text.h"
#include "connectors/imap/client/logical_line.h"
#include "connectors/imap/client/response.h"
#include "connectors/net/buffered_reader.h"
#include "connectors/net/dial.h"

namespace mailstead::imap {

using Tag = std::uint32_t;  // never 0

// The tagged end of a command.
struct Completion {
  Tag tag = 0;
  Status status = Status::kOk;
  std::string code, arguments;  // code upper or lower as sent
  std::string text;             // printable
  [[nodiscard]] bool ok() const noexcept { return status == Status::kOk; }
  [[nodiscard]] bool has_code(std::string_view name) const noexcept { return same_word(code, name); }
};

// Receives the untagged responses while a command is under way.
class ResponseHandler : public LiteralTaker {
 public:
  // True when it brought the command forward; others are counted against mail::kMaxUntaggedPerCommand.
  virtual bool untagged(const Response& /*response*/) { return false; }
};

// The selected mailbox as the server tells it.
struct MailboxState {
  std::optional<std::uint32_t> exists, uid_validity, uid_next;
  bool read_only = false;
  std::string fault;  // a UIDVALIDITY or UIDNEXT that cannot be; printable
};

// What one step of reading brought.
struct Step {
  enum class Kind { kUntagged, kContinuation, kTagged };
  Kind kind = Kind::kUntagged;
  std::string continuation;  // the text after "+"
  Completion completion;
};

class Session {
 public:
  Session(std::unique_ptr<net::Stream> stream, net::Timeouts timeouts);

  void restart_clock(std::stop_token stop);

  // Sends a command (waiting for "+" before synchronising literals) and answers its tag.
  Tag send(const CommandText& command);
  // Sends a command whose end nobody waits for.
  void send_unwatched(const CommandText& command);
  // A line that is no command: an answer to "+", DONE.
  void send_line(std::string_view line);

  // Reads one response. Tagged ends of unwatched commands come as kUntagged.
  [[nodiscard]] Step step(ResponseHandler& handler);
  // Reads until that command ends. Ends of others are kept for their own finish().
  [[nodiscard]] Completion finish(Tag tag, ResponseHandler& handler);
  [[nodiscard]] Completion finish(Tag tag);
  [[nodiscard]] Completion run(const CommandText& command, ResponseHandler& handler) {
    return finish(send(command), handler);
  }
  [[nodiscard]] Completion run(const CommandText& command) { return finish(send(command)); }
  // Until "+": its text, or the tagged end instead.
  [[nodiscard]] Step await_continuation(Tag tag, ResponseHandler& handler);

  // No command is under way.
  [[nodiscard]] bool quiet() const noexcept { return in_flight_.empty(); }
  // A line limit above the usual, for a SEARCH that lists many UIDs in one line.
  void set_line_limit(std::size_t limit) noexcept { line_limit_ = limit; }

  [[nodiscard]] Capabilities& capabilities() noexcept { return capabilities_; }
  [[nodiscard]] MailboxState& mailbox() noexcept { return mailbox_; }
  [[nodiscard]] std::vector<std::string> take_alerts();  // printable
  // Both directions are compressed from here on: call it when COMPRESS DEFLATE was answered with OK and nothing else is
  // under way (RFC 4978 §3). What was read behind that OK is compressed already.
  void begin_compression();
  // Before the first trusted byte: everything that was learnt in the clear.
  void forget_all();

  [[nodiscard]] net::Stream& stream() noexcept { return *stream_; }
  [[nodiscard]] net::BufferedReader& reader() noexcept { return reader_; }
  [[nodiscard]] Patience& patience() noexcept { return patience_; }
  [[nodiscard]] const net::Timeouts& timeouts() const noexcept { return timeouts_; }

 private:
  struct Sent {
    Tag tag = 0;
    bool watched = true;
  };
  Tag write_command(const CommandText& command, bool watched);
  Step on_tagged(const Response& response);
  void on_status(const Response& response);
  void on_data(const Response& response);
  void count_idle_response();

  std::unique_ptr<net::Stream> stream_;
  net::BufferedReader reader_;
  net::Timeouts timeouts_;
  Patience patience_;
  Capabilities capabilities_;
  MailboxState mailbox_;
  std::vector<std::string> alerts_;
  std::vector<Sent> in_flight_;
  std::vector<Completion> early_;  // ends that came while another was awaited
  std::string line_;
  std::size_t line_limit_ = mail::kMaxReplyLine;
  std::size_t idle_responses_ = 0;
  Tag last_tag_ = 0;
};

}  // namespace mailstead::imap
