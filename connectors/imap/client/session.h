// One IMAP connection: commands with tags out, responses in, and what every response may tell (capabilities, the
// selected mailbox, alerts, BYE). It knows no command's meaning; those are one file each.
//
// Commands gather until somebody waits for an answer (step()): what is sent in a row is one write, one flight.
//
// After any Failure thrown here, unless its scope is kFolder or narrower, the connection is of no use: destroy it.
// Deadlines: each answer within timeouts.command, all since restart_clock() within timeouts.total. One thread at a
// time.
#pragma once

#include <cstdint>
#include <functional>
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
  std::uint64_t highest_modseq = 0;  // 0: unknown, or the mailbox has none
  std::uint32_t arrived = 0;         // messages announced since it was selected, or since somebody took note
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

  // Hears how a command ended, within the step() that read it; may throw.
  using Ending = std::function<void(const Completion&)>;

  // Sends a command (waiting for "+" before synchronising literals) and answers its tag.
  Tag send(const CommandText& command);
  // Sends a command whose end nobody waits for.
  void send_unwatched(const CommandText& command, Ending ending = {});
  // A line that is no command: an answer to "+", DONE. At once, with what has gathered.
  void send_line(std::string_view line);
  // The same, but it gathers as a command does.
  void add_line(std::string_view line);
  // Nobody waits for that command's end any more; `ending` hears of it.
  void unwatch(Tag tag, Ending ending);
  // Writes what has gathered without waiting for an answer.
  void flush();
  // COMPRESS DEFLATE (RFC 4978) ends the next flight. What is sent before its answer is held back; nothing waits for it
  // otherwise. A refusal changes nothing but `ending`'s knowledge.
  void compress_at_turn(Ending ending);
  // LOGOUT, and what the server has said by now is read so that closing will not look like a reset to it. Its BYE is
  // not waited for: that would cost a round trip and tell nothing.
  void say_goodbye();

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

  // No command is under way for whose end somebody waits.
  [[nodiscard]] bool quiet() const noexcept;
  // A line limit above the usual, for a SEARCH that lists many UIDs in one line.
  void set_line_limit(std::size_t limit) noexcept { line_limit_ = limit; }

  [[nodiscard]] Capabilities& capabilities() noexcept { return capabilities_; }
  [[nodiscard]] MailboxState& mailbox() noexcept { return mailbox_; }
  // How often the server has announced capabilities in this session.
  [[nodiscard]] std::size_t announcements() const noexcept { return announcements_; }
  // What ENABLED named (RFC 5161), upper-case.
  [[nodiscard]] bool enabled(std::string_view word) const noexcept { return enabled_.has(word); }
  // Mailbox names are UTF-8 in both directions, not modified UTF-7 (RFC 6855 §3, RFC 9051 §5.1).
  [[nodiscard]] bool utf8_names() const noexcept;
  [[nodiscard]] std::vector<std::string> take_alerts();  // printable
  // Both directions are compressed from here on: call it when COMPRESS DEFLATE was answered with OK and nothing else is
  // under way (RFC 4978 §3). What was read behind that OK is compressed already.
  void begin_compression();
  // Frees what only a busy session needs.
  void rest() noexcept;
  // The server's EXAMINE is not to be used. Outlives forget_all(): forged, it costs no more than \Recent flags.
  void select_always() noexcept { selects_always_ = true; }
  [[nodiscard]] bool selects_always() const noexcept { return selects_always_; }
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
    Ending ending;
  };
  enum class Compression { kNone, kWanted, kAsked };

  Tag write_command(const CommandText& command, bool watched, Ending ending);
  void gather(std::string_view bytes);
  void write_gathered();
  void end_flight();
  void settle_compression();
  void compression_answered(const Completion& completion, const Ending& ending);
  void learn_capabilities(std::string_view words);
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
  std::string gathered_;           // to be written; may hold a password
  bool selects_always_ = false;
  bool within_literal_ = false;  // the last gathered command goes on after a "+"
  Compression compression_ = Compression::kNone;
  Ending compression_ending_;
  Capabilities enabled_;
  std::size_t announcements_ = 0;
  std::string line_;
  std::size_t line_limit_ = mail::kMaxReplyLine;
  std::size_t idle_responses_ = 0;
  Tag last_tag_ = 0;
};

}  // namespace mailstead::imap
