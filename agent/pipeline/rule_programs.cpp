#include "agent/pipeline/rule_programs.h"

#include "connectors/process/message_program.h"
#include "mail/failure.h"
#include "mail/unix_lines.h"
#include "router/evaluation.h"

#include <limits>

namespace mailstead::agent {

namespace {

using mail::operator""_MiB;
using router::ProgramEnd;
using End = process::Outcome::End;

constexpr mail::ByteCount kFilterMayAdd = 10_MiB;
constexpr std::size_t kMaxFromLine = 1000;

ProgramEnd end_of(const process::Outcome& outcome) {
  if (outcome.end == End::kStopped)
    throw mail::Failure(mail::FailureKind::kCancelled, mail::FailureScope::kSession, "stopped while a program ran");
  return {outcome.end == End::kExited, outcome.number, outcome.words()};
}

// What a filter writes, as a message: without the From_ line that formail and others put in front, and with CRLF where
// the filter was given LF for it.
class FilterOutput {
 public:
  FilterOutput(storage::ContentStore* store, mail::ByteCount size, bool unix_lines) : unix_lines_(unix_lines) {
    if (store != nullptr) incoming_ = store->begin(size);
  }

  void take(std::string_view bytes) {
    if (begun_) return convert(bytes);
    start_ += bytes;
    if (start_.find('\n') != std::string::npos || start_.size() > kMaxFromLine) begin();
  }

  [[nodiscard]] std::shared_ptr<const mail::Content> finish() {
    if (!begun_) begin();
    if (incoming_) return incoming_->finish();
    return std::make_shared<mail::MemoryContent>(std::move(gathered_));
  }

 private:
  void begin() {
    begun_ = true;
    const auto line_end = start_.find('\n');
    const bool is_from_line = start_.starts_with("From ") && line_end != std::string::npos;
    convert(std::string_view(start_).substr(is_from_line ? line_end + 1 : 0));
  }

  void convert(std::string_view bytes) {
    if (!unix_lines_) return append(bytes);
    converted_.clear();
    lines_.convert(bytes, converted_);
    append(converted_);
  }

  void append(std::string_view bytes) {
    if (incoming_)
      incoming_->append(bytes);
    else
      gathered_ += bytes;
  }

  bool unix_lines_, begun_ = false;
  std::unique_ptr<storage::IncomingContent> incoming_;
  std::string start_, converted_, gathered_;
  mail::CrlfLines lines_;
};

// Everything but what is done with the output. A program that cannot be run is an end like others.
template <typename Use>
ProgramEnd run_program(const mail::ProgramSettings& program, const process::Variables& variables,
                       const process::MessageInput& input, const std::stop_token& stop, Use&& use) {
  process::Request request;
  try {
    request.program = process::prepare(program, variables);
  } catch (const mail::Failure& failure) {
    return {false, 0, "cannot be run: " + failure.text()};
  }
  request.input = input.source();
  request.limits.time = program.timeout;
  request.stop = stop;
  return use(request);
}

}  // namespace

process::Variables variables_of(const router::Subject& subject, const std::string& rule) {
  std::string recipients;
  for (const std::string& one : subject.envelope_to) recipients += (recipients.empty() ? "" : ",") + one;
  process::Variables variables{
      {"ACCOUNT", std::string(subject.account)},      {"FOLDER", std::string(subject.folder)},
      {"SENDER", std::string(subject.envelope_from)}, {"RECIPIENTS", std::move(recipients)},
      {"MESSAGE_ID", subject.facts.message_id},       {"SIZE", std::to_string(subject.facts.size)}};
  if (!rule.empty()) variables.emplace_back("RULE", rule);
  return variables;
}

RulePrograms::RulePrograms(storage::ContentStore* store, std::stop_token stop)
    : store_(store), stop_(std::move(stop)) {}

ProgramEnd RulePrograms::ask(const mail::ProgramSettings& program, const router::Subject& subject,
                             std::string& output) const {
  // Owned by who asks, for longer than this takes.
  const process::MessageInput input({std::shared_ptr<void>(), &subject.content});
  return run_program(program, variables_of(subject), input, stop_, [&](process::Request& request) {
    request.limits.output = router::kMaxValueBytes;
    process::Outcome outcome = process::run(request);
    output = std::move(outcome.output);
    return end_of(outcome);
  });
}

ProgramEnd RulePrograms::filter(const mail::ProgramSettings& program, const router::Subject& subject,
                                const std::string& rule, std::shared_ptr<const mail::Content> message,
                                std::shared_ptr<const mail::Content>& made) const {
  const mail::ByteCount size = message->size();
  const process::MessageInput input(std::move(message));
  return run_program(program, variables_of(subject, rule), input, stop_, [&](process::Request& request) {
    FilterOutput output(store_, size, input.has_unix_lines());
    request.output = [&output](std::string_view bytes) { output.take(bytes); };
    request.limits.output = 2 * size + kFilterMayAdd;
    const ProgramEnd end = end_of(process::run(request));
    if (end.exited && end.status == 0) made = output.finish();
    return end;
  });
}

ProgramEnd RulePrograms::run(const mail::ProgramSettings& program, const process::Variables& variables,
                             std::shared_ptr<const mail::Content> message) const {
  const process::MessageInput input(std::move(message));
  return run_program(program, variables, input, stop_, [&](process::Request& request) {
    request.output = [](std::string_view) {};
    request.limits.output = std::numeric_limits<std::size_t>::max();
    return end_of(process::run(request));
  });
}

}  // namespace mailstead::agent
