// {"account": NAME or [NAMES]}: which account the message was fetched from. Names are exact; they must exist.
#include "router/conditions/kinds.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::router {
namespace {

class AccountTest final : public Condition {
 public:
  explicit AccountTest(std::vector<std::string> names) : names_(std::move(names)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    evaluation.saw(evaluation.subject().account);
    return std::find(names_.begin(), names_.end(), evaluation.subject().account) != names_.end();
  }
  std::string text() const override { return "account is " + listed(names_); }

 private:
  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<Condition> make_account_test(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  auto at = compiler.step("account");
  const nlohmann::json& value = *object.find("account");
  std::vector<std::string> names = compiler.texts(value);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (compiler.context().accounts.contains(names[i])) continue;
    auto at_item = compiler.item(value, i);
    compiler.problem("there is no account " + in_quotes(names[i]), did_you_mean(names[i], compiler.context().accounts));
  }
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<AccountTest>(std::move(names));
}

}  // namespace mailstead::router
