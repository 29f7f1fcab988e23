#include "router/program.h"

#include "mail/units.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::router {
namespace {

// A message waits in hand, with a connection to its server, while a program runs.
constexpr std::chrono::seconds kLongest{600};

std::chrono::seconds compile_timeout(const nlohmann::json& object, Compiler& compiler) {
  std::chrono::seconds timeout = mail::ProgramSettings{}.timeout;
  auto found = object.find("timeout");
  if (found == object.end()) return timeout;
  auto at = compiler.step("timeout");
  auto written = compiler.text(*found);
  if (!written) return timeout;
  auto duration = mail::parse_duration(*written);
  if (!duration) compiler.problem(in_quotes(*written) + " is not a duration", R"(write "90s" or "5m")");
  if (duration && (duration->count() < 1 || *duration > kLongest))
    compiler.problem(in_quotes(*written) + " is not from 1s to " + mail::format_duration(kLongest));
  return duration.value_or(timeout);
}

bool compile_shell(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("shell");
  if (found == object.end()) return false;
  auto at = compiler.step("shell");
  return compiler.boolean(*found).value_or(false);
}

void compile_command(const nlohmann::json& value, mail::ProgramSettings& made, Compiler& compiler) {
  if (value.is_string() && !made.shell) {
    compiler.problem("a program is a list of words, not one text",
                     R"(write ["program", "argument"], or add "shell": true)");
    return;
  }
  if (!value.is_string() && made.shell) {
    compiler.problem("for the shell it is one text, not a list", R"(write "a | b", or leave "shell" out)");
    return;
  }
  const std::size_t before = compiler.problems();
  made.command = compiler.texts(value);
  if (compiler.problems() != before) return;
  if (std::string fault = mail::fault_of_command(made); !fault.empty()) compiler.problem(fault);
}

}  // namespace

std::optional<mail::ProgramSettings> compile_program(const nlohmann::json& object, std::string_view key,
                                                     Compiler& compiler) {
  const std::size_t before = compiler.problems();
  mail::ProgramSettings made;
  made.shell = compile_shell(object, compiler);
  made.timeout = compile_timeout(object, compiler);
  if (auto found = object.find("user"); found != object.end()) {
    auto at = compiler.step("user");
    made.user = compiler.text(*found).value_or("");
  }
  {
    auto at = compiler.step(key);
    compile_command(*object.find(key), made, compiler);
  }
  compiler.facts().needs_body = true;
  if (compiler.problems() != before) return std::nullopt;
  return made;
}

}  // namespace mailstead::router
