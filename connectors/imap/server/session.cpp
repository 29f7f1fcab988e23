#include "connectors/imap/server/session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/command_reader.h"
#include "connectors/imap/server/command_table.h"
#include "connectors/imap/server/quota.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using Step = net::SessionStep;

constexpr std::size_t kMaxTag = 256;
constexpr unsigned kMaxBadCommands = 20;                              // then BYE; Postfix smtpd_hard_error_limit
constexpr int kCommandsPerTurn = 100;                                 // then others have the worker
constexpr mail::ByteCount kMaxHeldLiterals = mail::kMaxCommandLine;   // of one command, signed in
constexpr mail::ByteCount kMaxHeldBeforeLogin = mail::kMaxLoginLine;  // of one command, before
// A refused non-synchronizing literal comes all the same; beyond this it is cheaper to close (RFC 7888 §4).
constexpr mail::ByteCount kMaxSwallowed = mail::ByteCount{256} * 1024 * 1024;
// Of all messages of one APPEND together; what is not in memory waits in spool files.
constexpr mail::ByteCount kMaxUpload = mail::ByteCount{1024} * 1024 * 1024;
constexpr mail::ByteCount kMaxSwallowedBeforeLogin = mail::kMaxLoginLine;

std::string_view word_of(Answer::Kind kind) {
  switch (kind) {
    case Answer::Kind::kOk: return "OK";
    case Answer::Kind::kNo: return "NO";
    case Answer::Kind::kBad: break;
  }
  return "BAD";
}

// RFC 3501 §9: any ASTRING-CHAR except "+".
bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTag &&
         std::all_of(tag.begin(), tag.end(), [](char c) { return c != '+' && is_astring_char(c); });
}

class Session final : public net::ServerSession {
 public:
  Session(std::shared_ptr<const ServerContext> context, std::shared_ptr<RecentRegister> recent, net::PeerFacts peer,
          std::function<void()> wake)
      : context_(std::move(context)),
        recent_(std::move(recent)),
        talk_{*context_, *recent_, std::move(peer), std::move(wake)},
        reader_(mail::kMaxLoginLine),
        started_(context_->clock.steady()) {}

  [[nodiscard]] Step advance(net::InputBuffer& input, std::string& output) override;
  void tls_started(const net::TlsFacts& facts) override;
  void timed_out(std::string& output) override;
  [[nodiscard]] std::chrono::seconds idle_limit() const override;
  [[nodiscard]] std::string summary() const override;

 private:
  enum class Phase { kGreeting, kReading, kRunning, kWaiting, kTelling, kClosing };

  [[nodiscard]] Step advance_phases(net::InputBuffer& input, std::string& output);
  [[nodiscard]] bool read(net::InputBuffer& input, std::string& output);
  void greet(std::string& output);
  [[nodiscard]] bool goes_on(CommandReader::Event event);
  void keep_appends();
  void on_literal(std::string& output);
  [[nodiscard]] bool is_message();
  void on_message(std::string& output);
  void accept_literal(std::string& output);
  void refuse_literal(Answer answer, std::string& output);
  void on_command(std::string& output);
  [[nodiscard]] Outcome start(std::string_view text, std::string& output);
  void on_line(std::string& output);
  void run_task(std::string& output);
  void after(Task::Step step);
  void finish(Answer answer);
  void tell(std::string& output);
  void say(const std::string& tag, const Answer& answer, std::string& output) const;
  void hang_up(std::string& output, std::string_view why);
  [[nodiscard]] bool overdue() const;
  [[nodiscard]] bool is_held();
  [[nodiscard]] std::chrono::milliseconds pause() const override;
  [[nodiscard]] bool ends_by_revocation(std::string& output);
  [[nodiscard]] bool signed_out(std::string& output);
  [[nodiscard]] std::string tag_of(std::string_view text) const;

  std::shared_ptr<const ServerContext> context_;
  std::shared_ptr<RecentRegister> recent_;
  Conversation talk_;
  CommandReader reader_;
  Phase phase_ = Phase::kGreeting;
  std::string tag_;
  const CommandEntry* entry_ = nullptr;
  std::unique_ptr<Task> task_;
  std::optional<CommandReader::Event> event_;  // read, but looked at only after the APPENDs before it were kept
  AppendBatch::Told told_;                     // their answers
  std::optional<Answer> refusal_;              // of a literal that is being swallowed
  Answer answer_;
  unsigned bad_commands_ = 0;
  std::uint64_t commands_ = 0;
  mail::ByteCount received_ = 0, sent_ = 0;
  mail::SteadyTime started_;
  mail::SteadyTime held_until_{};
};

Step Session::advance(net::InputBuffer& input, std::string& output) {
  std::size_t unread = input.bytes().size();
  std::size_t unsent = output.size();
  Step step = advance_phases(input, output);
  received_ += unread - input.bytes().size();
  sent_ += output.size() - unsent;
  return step;
}

Step Session::advance_phases(net::InputBuffer& input, std::string& output) {
  int turns = 0;
  if (ends_by_revocation(output)) return Step::kClose;
  // A wake goes to the task that waits (IDLE) before the peer's line is looked at.
  if (phase_ == Phase::kWaiting) phase_ = Phase::kRunning;
  while (true) {
    if (phase_ == Phase::kClosing) return Step::kClose;
    if (is_held()) return Step::kPause;
    if (output.size() > net::kOutputHighWater || ++turns > kCommandsPerTurn) return Step::kMore;
    switch (phase_) {
      case Phase::kGreeting: greet(output); break;
      case Phase::kTelling:
        tell(output);
        if (phase_ == Phase::kTelling) return Step::kMore;
        if (talk_.start_tls) return talk_.start_tls = false, Step::kStartTls;
        if (talk_.start_compression) return talk_.start_compression = false, Step::kCompress;
        break;
      case Phase::kRunning:
        run_task(output);
        if (phase_ == Phase::kRunning) return Step::kMore;
        break;
      case Phase::kReading:
      case Phase::kWaiting:
        if (overdue()) {
          hang_up(output, "Sign in sooner.");
        } else if (signed_out(output)) {
          continue;
        } else if (!read(input, output)) {
          return Step::kNeedsInput;
        }
        break;
      case Phase::kClosing: break;
    }
  }
}

void Session::greet(std::string& output) {
  output += "* OK [CAPABILITY " + talk_.capabilities() + "] " + mail::printable(context_->host_name, 255) +
            " Mailstead ready.\r\n";
  phase_ = Phase::kReading;
}

bool Session::overdue() const {
  return talk_.user.empty() && context_->clock.steady() - started_ > context_->login_limit;
}

bool Session::is_held() {
  const auto now = context_->clock.steady();
  if (talk_.hold.count() > 0) held_until_ = now + std::exchange(talk_.hold, {});
  return now < held_until_;
}

std::chrono::milliseconds Session::pause() const {
  return std::chrono::ceil<std::chrono::milliseconds>(held_until_ - context_->clock.steady());
}

// The password that the session was opened with is no longer good.
// At each turn, whatever is under way: in the middle of a response nothing can be said any more.
bool Session::ends_by_revocation(std::string& output) {
  if (phase_ == Phase::kClosing || !talk_.place || !talk_.place->revoked()) return false;
  if (task_ != nullptr && task_->mid_response()) {
    phase_ = Phase::kClosing;
    task_.reset();
    return true;
  }
  return signed_out(output);
}

bool Session::signed_out(std::string& output) {
  if (!talk_.place || !talk_.place->revoked()) return false;
  hang_up(output, "Signed out: the password was changed or revoked.");
  return true;
}

bool Session::read(net::InputBuffer& input, std::string& output) {
  const auto event = event_ ? *std::exchange(event_, std::nullopt) : reader_.next(input);
  if (!talk_.appends.empty() && !goes_on(event)) {
    if (event != CommandReader::Event::kNeedsInput) event_ = event;
    keep_appends();
    return true;
  }
  switch (event) {
    case CommandReader::Event::kNeedsInput: return false;
    case CommandReader::Event::kLiteral: on_literal(output); break;
    case CommandReader::Event::kCommand: on_command(output); break;
    case CommandReader::Event::kLine: on_line(output); break;
    case CommandReader::Event::kTooLong: hang_up(output, "Line too long."); break;
    case CommandReader::Event::kBadLiteral: hang_up(output, "Not the size of a literal."); break;
  }
  return true;
}

// Whether what was read may be looked at before the APPENDs in hand are kept: nothing is answered to it meanwhile.
bool Session::goes_on(CommandReader::Event event) {
  if (refusal_) return false;
  if (event == CommandReader::Event::kLiteral) return !reader_.literal().synchronizing;
  return event == CommandReader::Event::kCommand && talk_.incoming && !talk_.incoming->replaces() &&
         talk_.appends.takes(talk_.incoming->mailbox());
}

void Session::keep_appends() {
  told_ = talk_.appends.keep(talk_.mail(), talk_.user);
  if (talk_.selected) talk_.view().mark_dirty();
  phase_ = Phase::kTelling;
}

void Session::on_literal(std::string& output) {
  const auto& literal = reader_.literal();
  if (refusal_) return refuse_literal(*refusal_, output);
  try {
    if (!talk_.user.empty() && is_message()) return on_message(output);
  } catch (const mail::Failure& failure) {
    return refuse_literal(refusal(failure), output);
  }
  if (literal.binary) return refuse_literal(bad("Only messages come as binary literals."), output);
  mail::ByteCount limit = talk_.user.empty() ? kMaxHeldBeforeLogin : kMaxHeldLiterals;
  if (literal.size > limit - std::min(limit, reader_.held()))
    return refuse_literal(bad("[TOOBIG] The literal is too large."), output);
  accept_literal(output);
  reader_.keep_literal();
}

// Whether the announced literal is a message: it is streamed, other literals are held.
bool Session::is_message() {
  if (talk_.incoming) return talk_.incoming->go_on(reader_.text()), true;
  talk_.incoming = IncomingAppend::begin(reader_.text(), talk_.enabled);
  return talk_.incoming != nullptr;
}

void Session::on_message(std::string& output) {
  const auto& literal = reader_.literal();
  if (literal.size > context_->max_append) {
    return refuse_literal(no("[TOOBIG] Messages may have at most " + std::to_string(context_->max_append) + " octets."),
                          output);
  }
  if (talk_.incoming->octets() > kMaxUpload - std::min(kMaxUpload, literal.size))
    return refuse_literal(no("[TOOBIG] That is too much for one command."), output);
  if (literal.size == 0) return refuse_literal(no("[CANNOT] An empty message cannot be stored."), output);
  auto mailbox = talk_.mail().find(talk_.user, talk_.incoming->mailbox());
  if (!mailbox || !mailbox->selectable) return refuse_literal(no("[TRYCREATE] No such mailbox."), output);
  if (auto refused = over_quota(talk_, talk_.appends.octets() + talk_.incoming->octets() + literal.size, 0)) {
    if (!talk_.incoming->replaces()) return refuse_literal(*std::move(refused), output);
  }
  talk_.incoming->open(talk_.context.store.content(), literal.size, literal.binary);
  accept_literal(output);
  reader_.stream_literal([this](std::string_view bytes) { talk_.incoming->feed(bytes); });
  talk_.incoming->literal_ends_at(reader_.text().size());
}

void Session::accept_literal(std::string& output) {
  if (reader_.literal().synchronizing) output += "+ OK\r\n";
}

void Session::refuse_literal(Answer answer, std::string& output) {
  if (reader_.literal().synchronizing && !refusal_) {
    tag_ = tag_of(reader_.text());
    reader_.abandon();
    talk_.incoming.reset();
    ++commands_;
    entry_ = nullptr;
    return finish(std::move(answer));
  }
  if (reader_.literal().size > (talk_.user.empty() ? kMaxSwallowedBeforeLogin : kMaxSwallowed))
    return hang_up(output, "[TOOBIG] The literal is too large.");
  if (!refusal_) refusal_ = std::move(answer);
  accept_literal(output);
  reader_.stream_literal({});
}

std::string Session::tag_of(std::string_view text) const {
  std::string_view tag = text.substr(0, text.find(' '));
  return is_tag(tag) ? std::string(tag) : "*";
}

void Session::on_command(std::string& output) {
  ++commands_;
  std::string& text = reader_.text();
  tag_ = tag_of(text);
  entry_ = nullptr;
  Outcome outcome;
  try {
    outcome = refusal_ ? Outcome(*std::exchange(refusal_, std::nullopt)) : start(text, output);
  } catch (const mail::Failure& failure) {
    outcome = refusal(failure);
  }
  reader_.release();
  talk_.incoming.reset();
  if (auto* answer = std::get_if<Answer>(&outcome)) {
    if (answer->later) return;
    if (!talk_.appends.empty()) return talk_.appends.add(tag_, std::move(*answer));
    return finish(std::move(*answer));
  }
  task_ = std::move(std::get<std::unique_ptr<Task>>(outcome));
  phase_ = Phase::kRunning;
}

Outcome Session::start(std::string_view text, std::string& output) {
  if (tag_ == "*") return bad("That is not a tag.");
  if (text.find('\0') != std::string_view::npos) return bad("NUL in a command.");
  std::string_view rest = text.substr(std::min(text.size(), tag_.size() + 1));
  std::string_view name = rest.substr(0, rest.find(' '));
  bool by_uid = name.size() == 3 && Cursor(name).try_word("UID");
  if (by_uid) name = rest.substr(0, rest.find(' ', 4));
  const CommandEntry* entry = find_command(name);
  if (entry == nullptr) return bad("Unknown command.");
  if ((entry->states & talk_.state()) == 0) {
    return bad(talk_.user.empty()                 ? "Sign in first."
               : (entry->states & kSelected) != 0 ? "Select a mailbox first."
                                                  : "You have signed in already.");
  }
  entry_ = entry;
  Request request{tag_, text, by_uid, Cursor(rest.substr(name.size())), output};
  return entry->start(talk_, request);
}

void Session::on_line(std::string& output) {
  // The task owns the meaning of the line; the reader's copy may be a password.
  Task::Step step = Task::Step::kDone;
  try {
    step = task_->line(reader_.text(), output);
  } catch (const mail::Failure& failure) {
    reader_.release();
    return finish(refusal(failure));
  }
  reader_.release();
  phase_ = Phase::kRunning;
  after(step);
}

void Session::run_task(std::string& output) {
  try {
    after(task_->run(output));
  } catch (const mail::Failure& failure) {
    if (task_->mid_response()) throw;
    finish(refusal(failure));
  }
}

void Session::after(Task::Step step) {
  switch (step) {
    case Task::Step::kMore: break;
    case Task::Step::kDone: finish(task_->answer()); break;
    case Task::Step::kWaitsForLine:
      // Asked once per line: a wake in between must not drop half a line.
      if (!reader_.expecting()) reader_.expect_line(task_->line_limit());
      phase_ = Phase::kWaiting;
      break;
  }
}

void Session::finish(Answer answer) {
  task_.reset();
  reader_.expect_command();
  answer_ = std::move(answer);
  phase_ = Phase::kTelling;
  reader_.set_line_limit(talk_.user.empty() ? mail::kMaxLoginLine : mail::kMaxCommandLine);
}

// What changed in the mailbox, then the tagged response.
void Session::tell(std::string& output) {
  // Without an entry nothing is known of the client's expectations: only what never disturbs.
  Updates updates = entry_ != nullptr ? entry_->updates : Updates::kWithoutExpunge;
  if (talk_.selected && updates != Updates::kNone) {
    try {
      if (!talk_.selected->pull()) return hang_up(output, "The selected mailbox was deleted.");
    } catch (const mail::Failure&) {
      // The store's trouble: the changes stay pending and the next command tries again.
    }
    if (!talk_.selected->tell(output, updates == Updates::kAll)) return;
  }
  if (!told_.empty()) {
    for (const auto& [tag, answer] : std::exchange(told_, {})) {
      say(tag, answer, output);
      if (answer.kind == Answer::Kind::kBad) ++bad_commands_;
    }
    phase_ = Phase::kReading;
    if (bad_commands_ > kMaxBadCommands) hang_up(output, "Too many bad commands.");
    return;
  }
  output += std::exchange(talk_.farewell, {});
  say(tag_, answer_, output);
  phase_ = talk_.closing ? Phase::kClosing : Phase::kReading;
  if (answer_.kind == Answer::Kind::kBad && ++bad_commands_ > kMaxBadCommands)
    hang_up(output, "Too many bad commands.");
  answer_.text.clear();
}

void Session::say(const std::string& tag, const Answer& answer, std::string& output) const {
  output += tag;
  output += ' ';
  output += word_of(answer.kind);
  output += ' ';
  if (answer.says_modseq && talk_.enabled.condstore && talk_.selected)
    output += "[HIGHESTMODSEQ " + std::to_string(talk_.view().told_modseq()) + "] ";
  output += answer.text;
  output += "\r\n";
}

void Session::hang_up(std::string& output, std::string_view why) {
  if (!talk_.appends.empty()) told_ = talk_.appends.keep(talk_.mail(), talk_.user);
  for (const auto& [tag, answer] : std::exchange(told_, {})) say(tag, answer, output);
  output += "* BYE ";
  output += why;
  output += "\r\n";
  phase_ = Phase::kClosing;
  task_.reset();
  talk_.incoming.reset();
}

void Session::tls_started(const net::TlsFacts& facts) {
  // RFC 3501 §6.2.1: nothing from before counts; the client asks for the capabilities again by itself.
  talk_.peer.tls = true;
  talk_.bindings = facts.bindings;
  talk_.certificate_names = facts.client_names;
  reader_.abandon();
  bad_commands_ = 0;
}

void Session::timed_out(std::string& output) {
  std::size_t before = output.size();
  hang_up(output, "Silent for too long.");
  sent_ += output.size() - before;
}

std::chrono::seconds Session::idle_limit() const {
  return talk_.user.empty() ? context_->login_limit : context_->idle_limit;
}

std::string Session::summary() const {
  return "imap user=" + (talk_.user.empty() ? "-" : mail::printable(talk_.user, 128)) +
         " commands=" + std::to_string(commands_) + " bad=" + std::to_string(bad_commands_) +
         " failed_logins=" + std::to_string(talk_.failed_logins) + " in=" + std::to_string(received_) +
         " out=" + std::to_string(sent_) + (talk_.peer.tls ? " tls" : "");
}

}  // namespace

net::ServerSessionFactory make_session_factory(ServerContext context) {
  auto shared = std::make_shared<const ServerContext>(std::move(context));
  auto recent = std::make_shared<RecentRegister>();
  return [shared, recent](const net::PeerFacts& peer, std::function<void()> wake) {
    return std::make_unique<Session>(shared, recent, peer, std::move(wake));
  };
}

}  // namespace mailstead::imap
