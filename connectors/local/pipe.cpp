#include "connectors/local/pipe.h"

#include <sysexits.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/local/local_transport.h"
#include "connectors/process/message_program.h"
#include "mail/escape.h"
#include "mail/failpoint.h"
#include "mail/failure.h"
#include "mail/limits.h"
#include "mail/units.h"

namespace mailstead::local {
namespace {

using delivery::Context;
using delivery::Outgoing;
using delivery::Reply;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using Kind = Reply::Kind;
using End = process::Outcome::End;

constexpr std::string_view kSender = "${sender}", kRecipient = "${recipient}";
constexpr int kCannotBeRun = 126, kNotFound = 127;  // the shell's, of its command

std::string joined(const std::vector<std::string>& recipients) {
  std::string text;
  for (const std::string& one : recipients) text += (text.empty() ? "" : ",") + one;
  return text;
}

process::Variables variables_for(const PipeSettings& settings, const Outgoing& message) {
  process::Variables variables{{"DESTINATION", settings.name},     {"DELIVERY", std::to_string(message.id)},
                               {"SENDER", message.sender},         {"RECIPIENTS", joined(message.recipients)},
                               {"MESSAGE_ID", message.message_id}, {"SIZE", std::to_string(message.content->size())}};
  if (message.answer_lost) variables.emplace_back("AGAIN", "1");
  return variables;
}

// Values are not looked into again: an address may hold "${".
std::string filled_in(std::string_view written, const Outgoing& message) {
  std::string made;
  while (!written.empty()) {
    if (written.starts_with(kSender)) {
      made += message.sender;
      written.remove_prefix(kSender.size());
    } else if (written.starts_with(kRecipient)) {
      made += joined(message.recipients);
      written.remove_prefix(kRecipient.size());
    } else {
      made += written.front();
      written.remove_prefix(1);
    }
  }
  return made;
}

// The command with the envelope filled in; nothing when a foreign address would be taken for an option.
std::optional<std::vector<std::string>> command_for(const mail::ProgramSettings& program, const std::string& path,
                                                    const Outgoing& message) {
  std::vector<std::string> made{path};
  for (std::size_t i = 1; i < program.command.size(); ++i) {
    const std::string& written = program.command[i];
    std::vector<std::string> words;
    if (written == kRecipient)
      words = message.recipients;
    else
      words.push_back(filled_in(written, message));
    for (std::string& word : words) {
      if (word.starts_with('-') && !written.starts_with('-')) return std::nullopt;
      made.push_back(std::move(word));
    }
  }
  return made;
}

class PipeTransport final : public LocalTransport {
 public:
  explicit PipeTransport(const PipeSettings& settings) : settings_(settings) {}

 protected:
  Reply put(const Outgoing& message, const Context& context, bool& maybe_there) override {
    if (context.stop.stop_requested()) throw stopped();
    process::Request request;
    request.program = process::prepare(settings_.program, variables_for(settings_, message));
    auto command = command_for(settings_.program, request.program.command.front(), message);
    if (!command)
      return {Kind::kPermanent, 0, "5.1.7", "an address that begins with \"-\" would be taken for an option"};
    const process::MessageInput input(message.content);
    if (!settings_.program.shell) request.program.command = std::move(*command);
    request.input = input.source();
    request.limits.time = settings_.program.timeout;
    request.stop = context.stop;
    // What it prints is of no interest, but must not stop it.
    std::string printed;
    request.output = [&printed](std::string_view bytes) {
      printed.append(bytes.substr(0, process::kMaxSaid - std::min(printed.size(), process::kMaxSaid)));
    };
    request.limits.output = kMaxPrinted;
    if (context.before_commit) context.before_commit();
    MAILSTEAD_FAILPOINT("delivery.before_answer");
    process::Outcome outcome = process::run(request);
    MAILSTEAD_FAILPOINT("delivery.after_answer");
    if (outcome.said.empty()) outcome.said = mail::printable(printed.substr(0, printed.find('\n')), process::kMaxSaid);
    return answer(outcome, maybe_there);
  }

 private:
  static constexpr std::size_t kMaxPrinted = 16 * 1024 * 1024;

  static Failure stopped() { return {FailureKind::kCancelled, FailureScope::kSession, "stopped"}; }

  [[nodiscard]] Reply answer(const process::Outcome& outcome, bool& maybe_there) const {
    switch (outcome.end) {
      case End::kExited: return answer_of_exit(outcome);
      case End::kStopped: maybe_there = true; throw stopped();
      case End::kNotStarted: throw not_started(outcome);
      case End::kSignalled:
      case End::kTookTooLong:
      case End::kWroteTooMuch: break;
    }
    return {Kind::kTemporary, 0, "4.3.0", mail::printable("the program " + outcome.words(), mail::kMaxRemoteText)};
  }

  [[nodiscard]] Reply answer_of_exit(const process::Outcome& outcome) const {
    const ExitMeaning meaning = meaning_of_exit(outcome.number, settings_.program.shell);
    if (meaning.kind == Kind::kAccepted)
      return {meaning.kind, 0, "", outcome.said.empty() ? "taken by the program" : outcome.said};
    std::string text = "the program " + outcome.trouble;
    if (*meaning.word != '\0') text += std::string(" (") + meaning.word + ")";
    if (!outcome.said.empty()) text += ": " + outcome.said;
    return {meaning.kind, 0, meaning.enhanced, mail::printable(text, mail::kMaxRemoteText)};
  }

  [[nodiscard]] Failure not_started(const process::Outcome& outcome) const {
    const int error = outcome.number;
    if (error == E2BIG)  // the envelope is the message's, not the destination's
      return {FailureKind::kPermanent, FailureScope::kMessage,
              mail::program_text(settings_.program) + ": " + outcome.words()};
    const bool passes = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || error == EINTR;
    return {passes ? FailureKind::kTemporary : FailureKind::kConfiguration,
            passes ? FailureScope::kSession : FailureScope::kAccount,
            mail::program_text(settings_.program) + ": " + outcome.words()};
  }

  const PipeSettings& settings_;
};

class Pipe final : public delivery::Destination {
 public:
  explicit Pipe(PipeSettings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<delivery::Transport> open() const override { return std::make_unique<PipeTransport>(settings_); }

  delivery::Facts probe(std::stop_token) const override {
    const auto program = process::prepare(settings_.program, {});
    delivery::Facts facts;
    facts.lines.emplace_back("program", mail::printable(process::find_program(program), 300));
    if (program.as) facts.lines.emplace_back("runs as", program.as->name);
    facts.lines.emplace_back("works in", mail::printable(program.directory, 300));
    return facts;
  }

 private:
  const PipeSettings settings_;
};

}  // namespace

ExitMeaning meaning_of_exit(int status, bool shell) noexcept {
  // A script that is not where it was is no message's fault.
  if (shell && (status == kCannotBeRun || status == kNotFound))
    return {Kind::kTemporary, "4.3.5", "the shell cannot run it"};
  switch (status) {
    case EX_OK: return {Kind::kAccepted, "", ""};
    case EX_USAGE: return {Kind::kPermanent, "5.3.0", "wrong usage"};
    case EX_DATAERR: return {Kind::kPermanent, "5.6.0", "malformed message"};
    case EX_NOINPUT: return {Kind::kPermanent, "5.3.0", "no input"};
    case EX_NOUSER: return {Kind::kPermanent, "5.1.1", "no such user"};
    case EX_NOHOST: return {Kind::kPermanent, "5.1.2", "no such host"};
    case EX_UNAVAILABLE: return {Kind::kPermanent, "5.3.0", "unavailable"};
    case EX_SOFTWARE: return {Kind::kPermanent, "5.3.0", "internal error"};
    case EX_OSERR: return {Kind::kTemporary, "4.3.0", "system error"};
    case EX_OSFILE: return {Kind::kPermanent, "5.3.0", "system file missing"};
    case EX_CANTCREAT: return {Kind::kPermanent, "5.2.0", "cannot create its output"};
    case EX_IOERR: return {Kind::kTemporary, "4.3.0", "input or output error"};
    case EX_TEMPFAIL: return {Kind::kTemporary, "4.3.0", "try again later"};
    case EX_PROTOCOL: return {Kind::kPermanent, "5.5.0", "protocol error"};
    case EX_NOPERM: return {Kind::kPermanent, "5.7.0", "not permitted"};
    case EX_CONFIG: return {Kind::kPermanent, "5.3.5", "configuration error"};
    default: return {Kind::kPermanent, "5.3.0", ""};
  }
}

std::unique_ptr<delivery::Destination> make_pipe(PipeSettings settings) {
  return std::make_unique<Pipe>(std::move(settings));
}

}  // namespace mailstead::local
