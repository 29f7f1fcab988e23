// {"run": [PROGRAM, ARGUMENTS], "shell", "timeout", "user"}: a program gets the message as it is by now on its standard
// input, once it is accepted. What comes of that is told in the history and decides nothing: where the message is to go
// through the program, that is a destination of type pipe.
#include "router/actions/kinds.h"
#include "router/program.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class Run final : public Action {
 public:
  explicit Run(mail::ProgramSettings program) : program_(std::move(program)) {}

  void run(Walk& walk) const override {
    walk.report("run " + in_quotes(mail::program_text(program_)) + " once the message is accepted");
    walk.decision.runs.push_back({program_, walk.form(), walk.rule});
  }
  Effect effect() const noexcept override { return Effect::kRuns; }

 private:
  mail::ProgramSettings program_;
};

}  // namespace

std::unique_ptr<Action> make_run(const nlohmann::json& object, Compiler& compiler) {
  auto program = compile_program(object, "run", compiler);
  return program ? std::make_unique<Run>(std::move(*program)) : nullptr;
}

}  // namespace mailstead::router
