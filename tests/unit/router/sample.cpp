#include "tests/unit/router/sample.h"

#include <gtest/gtest.h>

namespace mailstead::router {

std::vector<std::string> problems_of(const nlohmann::json& rules, const RuleContext& context) {
  std::vector<Problem> problems;
  (void)RuleSet::compile(rules, context, problems);
  std::vector<std::string> out;
  for (const Problem& one : problems)
    out.push_back(one.pointer + ": " + one.what + (one.hint.empty() ? "" : " (" + one.hint + ")"));
  return out;
}

std::shared_ptr<const RuleSet> compiled(const nlohmann::json& rules, const RuleContext& context) {
  std::vector<Problem> problems;
  auto made = RuleSet::compile(rules, context, problems);
  for (const Problem& one : problems) ADD_FAILURE() << one.pointer << ": " << one.what << " (" << one.hint << ")";
  return made;
}

bool holds(const std::string& condition, const Sample& sample) {
  nlohmann::json rule = {{"name", "r"}, {"if", nlohmann::json::parse(condition)}, {"then", {{{"discard", true}}}}};
  auto rules = compiled(nlohmann::json::array({rule}));
  bool held = sample.ask([&](const Subject& subject) { return rules->decide(subject).discarded; });
  bool explained = sample.ask([&](const Subject& subject) { return rules->explain(subject).decision.discarded; });
  EXPECT_EQ(held, explained) << condition;
  return held;
}

}  // namespace mailstead::router
