// {"filter": [PROGRAM, ARGUMENTS], "shell", "timeout", "user"}: the message as it is by now goes through a program;
// what comes out is the message for the deliveries that come after. Tests go on seeing it as it was received.
//
// The message stays as it was when the program does not end with status 0 in time, or what it writes is no message: is
// empty, or does not begin with a header field. That is told in the history, and to the log. With "on_error": "retry"
// in the rule it is not accepted then, but tried again.
#include "router/actions/kinds.h"
#include "router/program.h"

#include "mail/failure.h"
#include "mail/header.h"
#include "mail/scan.h"
#include "mail/units.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

mail::MessageFacts scan(const mail::Content& content) {
  mail::MessageScanner scanner;
  mail::for_each_chunk(content, 0, content.size(), [&](std::string_view chunk) { scanner.feed(chunk); });
  return scanner.finish();
}

class Filter final : public Action {
 public:
  explicit Filter(mail::ProgramSettings program) : program_(std::move(program)) {}

  void run(Walk& walk) const override {
    Filtered made;
    const std::string what = "filter " + in_quotes(mail::program_text(program_));
    const auto before = walk.message();
    if (std::string why = fault_of(walk, before, made); !why.empty()) {
      if (walk.waits_on_error) {
        walk.report(what + " " + why + ": the message waits");
        return walk.postpone({mail::FailureKind::kTemporary, mail::FailureScope::kMessage, what + " " + why});
      }
      walk.report(what + " " + why + ": the message stays as it was");
      walk.trouble("rule " + in_quotes(walk.rule) + ": " + what + " " + why + ": the message stays as it was");
      return;
    }
    const std::string sizes = mail::format_size(before->size()) + " became " + mail::format_size(made.content->size());
    walk.report(what + ": " + sizes);
    walk.evaluation.note("rule " + in_quotes(walk.rule) + ": " + what + ": " + sizes);
    walk.decision.filtered.push_back(std::move(made));
  }

 private:
  // "" when there is a new message.
  std::string fault_of(Walk& walk, const std::shared_ptr<const mail::Content>& before, Filtered& made) const {
    const Subject& subject = walk.evaluation.subject();
    if (subject.programs == nullptr) return "cannot be run here";
    const ProgramEnd end = subject.programs->filter(program_, subject, walk.rule, before, made.content);
    if (!end.exited || end.status != 0) return end.words;
    if (made.content == nullptr || made.content->size() == 0) return "wrote nothing";
    made.edits = walk.decision.edits.size();
    made.facts = scan(*made.content);
    if (mail::HeaderBlock::parse(made.facts.header).fields().empty()) return "wrote no message, for it has no header";
    return "";
  }

  mail::ProgramSettings program_;
};

}  // namespace

std::unique_ptr<Action> make_filter(const nlohmann::json& object, Compiler& compiler) {
  auto program = compile_program(object, "filter", compiler);
  return program ? std::make_unique<Filter>(std::move(*program)) : nullptr;
}

}  // namespace mailstead::router
