// {"keyword": NAME or [NAMES]}: free keywords ("$Work") of the deliveries that come after.
#include "router/actions/kinds.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class AddKeywords final : public Action {
 public:
  explicit AddKeywords(std::vector<std::string> names) : names_(std::move(names)) {}

  void run(Walk& walk) const override {
    for (const std::string& name : names_) walk.flags.add(name);
    if (walk.done != nullptr) walk.report("keyword " + listed(names_));
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<Action> make_keyword(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  auto at = compiler.step("keyword");
  const nlohmann::json& value = *object.find("keyword");
  std::vector<std::string> names = compiler.texts(value);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (mail::is_keyword(names[i])) continue;
    auto at_item = compiler.item(value, i);
    compiler.problem(
        in_quotes(names[i]) + " is no keyword: no blanks, parentheses, braces, quotes, \"%\", \"*\" or \"\\\"",
        names[i].starts_with('\\') ? "system flags are set by \"flag\"" : "");
  }
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<AddKeywords>(std::move(names));
}

}  // namespace mailstead::router
