// {"command": [PROGRAM, ARGUMENTS], "exit": STATUS or [STATUSES], "output": {OP: …}, "shell", "timeout", "user"}: a
// program gets the message as it was received on its standard input. Without "exit" its status must be 0; with "output"
// what it writes must fit, too. A program that cannot be run, or is ended, makes its rule not match, even inside "not":
// nothing is known then.
#include "router/conditions/kinds.h"
#include "router/matcher.h"
#include "router/program.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::router {
namespace {

class CommandTest final : public Condition {
 public:
  CommandTest(mail::ProgramSettings program, std::vector<int> statuses, std::unique_ptr<Matcher> output)
      : program_(std::move(program)), statuses_(std::move(statuses)), output_(std::move(output)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    CommandResult& result = evaluation.command(program_);
    const bool fits = std::find(statuses_.begin(), statuses_.end(), result.end.status) != statuses_.end();
    if (evaluation.traces()) evaluation.saw(result.end.words);
    if (!fits || output_ == nullptr) return fits;
    return output_->fits_any(std::span(&result.output, 1), evaluation);
  }
  std::string text() const override {
    std::string out = "command " + in_quotes(mail::program_text(program_)) + " ends with";
    for (int status : statuses_) out += (status == statuses_.front() ? " " : ", ") + std::to_string(status);
    if (output_ != nullptr) out += ", its output " + output_->text();
    return out;
  }

 private:
  mail::ProgramSettings program_;
  std::vector<int> statuses_;
  std::unique_ptr<Matcher> output_;
};

void add_status(const nlohmann::json& value, std::vector<int>& statuses, Compiler& compiler) {
  if (!value.is_number_integer() || value < 0 || value > 255)
    compiler.problem("an exit status is a whole number from 0 to 255");
  else
    statuses.push_back(value.get<int>());
}

std::vector<int> compile_statuses(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("exit");
  if (found == object.end()) return {0};
  auto at = compiler.step("exit");
  std::vector<int> statuses;
  if (!found->is_array()) {
    add_status(*found, statuses, compiler);
    return statuses;
  }
  if (found->empty()) compiler.problem("is an empty list, which nothing can match");
  for (std::size_t i = 0; i < found->size(); ++i) {
    auto at_item = compiler.step(i);
    add_status((*found)[i], statuses, compiler);
  }
  return statuses;
}

std::unique_ptr<Matcher> compile_output(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("output");
  if (found == object.end()) return nullptr;
  auto at = compiler.step("output");
  if (!compiler.is_object(*found, "what to compare the output with")) return nullptr;
  const std::size_t before = compiler.problems();
  compiler.check_keys(*found, keys_inside("output"), "the output of a command");
  if (compiler.problems() != before) return nullptr;
  return Matcher::compile(*found, compiler);
}

}  // namespace

std::unique_ptr<Condition> make_command_test(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  auto program = compile_program(object, "command", compiler);
  std::vector<int> statuses = compile_statuses(object, compiler);
  auto output = compile_output(object, compiler);
  if (!program || compiler.problems() != before) return nullptr;
  return std::make_unique<CommandTest>(std::move(*program), std::move(statuses), std::move(output));
}

}  // namespace mailstead::router
