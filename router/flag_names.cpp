#include "router/flag_names.h"

#include <nlohmann/json.hpp>

#include <array>

namespace mailstead::router {
namespace {

constexpr std::array<std::string_view, 5> kSystemFlags = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"};

void report(const std::string& name, Compiler& compiler) {
  if (!name.starts_with('\\')) {
    compiler.problem(in_quotes(name) +
                     " is no keyword: no blanks, parentheses, braces, quotes, \"%\", \"*\" or \"\\\"");
    return;
  }
  std::string hint = did_you_mean(name, kSystemFlags);
  compiler.problem(in_quotes(name) + " is not one of " + enumerated(kSystemFlags), hint);
}

}  // namespace

std::optional<mail::Flags> compile_flags(const nlohmann::json& value, Compiler& compiler) {
  std::size_t before = compiler.problems();
  mail::Flags flags;
  std::vector<std::string> names = compiler.texts(value);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (flags.add(names[i])) continue;
    auto at = compiler.item(value, i);
    report(names[i], compiler);
  }
  if (compiler.problems() != before) return std::nullopt;
  return flags;
}

}  // namespace mailstead::router
