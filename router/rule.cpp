#include "router/rule.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace mailstead::router {
namespace {

using Effect = Action::Effect;

constexpr std::array<std::string_view, 7> kKeys = {"name", "comment", "if", "then", "group", "continue", "on_error"};
constexpr std::array<std::pair<std::string_view, OnError>, 3> kOnError = {
    {{"no match", OnError::kNoMatch}, {"match", OnError::kMatch}, {"retry", OnError::kRetry}}};

std::string compile_name(const nlohmann::json& object, const std::string& usual_name, Compiler& compiler) {
  auto found = object.find("name");
  if (found == object.end()) return usual_name;
  auto at = compiler.step("name");
  std::string name = compiler.text(*found).value_or("");
  if (name == "default") compiler.problem("\"default\" is the name of what is done when no rule decides");
  return name;
}

bool compile_flag(const nlohmann::json& object, std::string_view key, Compiler& compiler) {
  auto found = object.find(key);
  if (found == object.end()) return false;
  auto at = compiler.step(key);
  return compiler.boolean(*found).value_or(false);
}

// What its rules do is theirs to say.
std::string compile_group(const nlohmann::json& object, Compiler& compiler) {
  for (const char* key : {"then", "continue"}) {
    if (!object.contains(key)) continue;
    auto at = compiler.step(key);
    compiler.problem("without effect beside \"group\"", "leave one of the two out");
  }
  auto at = compiler.step("group");
  const auto name = compiler.text(*object.find("group"));
  if (!name) return {};
  std::set<std::string> names;
  if (const auto* groups = compiler.context().groups; groups != nullptr && groups->is_object())
    for (const auto& [key, value] : groups->items()) names.insert(key);
  if (names.contains(*name)) return *name;
  std::string hint = did_you_mean(*name, names);
  if (names.empty()) hint = "add \"rule_groups\": {" + in_quotes(*name) + ": [ … ]}";
  compiler.problem("there is no group of rules " + in_quotes(*name), hint);
  return {};
}

OnError compile_on_error(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("on_error");
  if (found == object.end()) return OnError::kNoMatch;
  auto at = compiler.step("on_error");
  const auto written = compiler.text(*found);
  if (!written) return OnError::kNoMatch;
  std::vector<std::string_view> words;
  for (const auto& [word, value] : kOnError) {
    if (word == *written) return value;
    words.push_back(word);
  }
  const std::string hint = did_you_mean(*written, words);
  compiler.problem(in_quotes(*written) + " is not one of " + enumerated(words), hint);
  return OnError::kNoMatch;
}

// An action behind `discard` or `stop` is never done; a `discard` behind a delivery takes nothing back.
class OrderCheck {
 public:
  explicit OrderCheck(Compiler& compiler) : compiler_(compiler) {}

  void take(Effect effect) {
    if (ended_) {
      compiler_.problem("is never done: the action before it ends the walk", "put it first, or leave it out");
      ended_ = false;  // once is enough
    }
    if (effect == Effect::kDiscards && delivered_)
      compiler_.problem("\"discard\" behind a \"deliver\" takes nothing back", "leave one of them out");
    if (effect == Effect::kDiscards && ran_)
      compiler_.problem("\"discard\" behind a \"run\" would lose the message when the program fails",
                        "deliver it to a destination of type pipe instead of both");
    if (effect == Effect::kHolds && delivered_)
      compiler_.problem("\"quarantine\" behind a \"deliver\" holds nothing back", "leave one of them out");
    ran_ = ran_ || effect == Effect::kRuns;
    delivered_ = delivered_ || effect == Effect::kSettles;
    ended_ = ended_ || effect == Effect::kDiscards || effect == Effect::kStops || effect == Effect::kHolds;
  }

 private:
  Compiler& compiler_;
  bool ended_ = false, delivered_ = false, ran_ = false;
};

void compile_actions(const nlohmann::json& object, Rule& rule, Compiler& compiler) {
  auto found = object.find("then");
  if (found == object.end()) {
    compiler.problem("has no \"then\"",
                     "add \"then\" with a list of actions, or \"group\" with a name of \"rule_groups\"");
    return;
  }
  auto at = compiler.step("then");
  if (!found->is_array()) {
    compiler.problem("\"then\" takes a list of actions in brackets");
    return;
  }
  if (found->empty()) compiler.problem("\"then\" is empty: the rule would do nothing", "add an action");
  OrderCheck order(compiler);
  for (std::size_t i = 0; i < found->size(); ++i) {
    auto at_action = compiler.step(i);
    auto action = compile_action((*found)[i], compiler);
    if (!action) continue;
    order.take(action->effect());
    rule.actions.push_back(std::move(action));
  }
}

bool has(const Rule& rule, Effect effect) {
  return std::any_of(rule.actions.begin(), rule.actions.end(),
                     [effect](const auto& action) { return action->effect() == effect; });
}

void weigh(const nlohmann::json& object, Rule& rule, Compiler& compiler) {
  bool goes_on = compile_flag(object, "continue", compiler);
  bool stops = has(rule, Effect::kStops) || has(rule, Effect::kDiscards) || has(rule, Effect::kHolds);
  if (goes_on && stops) {
    auto at = compiler.step("continue");
    compiler.problem("\"continue\" contradicts \"stop\", \"discard\" and \"quarantine\"", "leave one of them out");
  }
  rule.settles = has(rule, Effect::kSettles) || has(rule, Effect::kDiscards) || has(rule, Effect::kHolds);
  bool only_copies = has(rule, Effect::kCopies) && !rule.settles;
  rule.ends_walk = stops || (!goes_on && !only_copies);
}

}  // namespace

std::span<const std::string_view> rule_keys() noexcept {
  return kKeys;
}

Rule compile_rule(const nlohmann::json& value, const std::string& usual_name, Compiler& compiler) {
  Rule rule;
  compiler.facts() = {};
  if (!compiler.is_object(value, "a rule")) return rule;
  compiler.check_keys(value, kKeys, "a rule");
  rule.name = compile_name(value, usual_name, compiler);
  if (auto found = value.find("if"); found != value.end()) {
    auto at = compiler.step("if");
    rule.always = false;
    rule.condition = compile_condition(*found, compiler);
  }
  if (auto found = value.find("comment"); found != value.end()) {
    auto at = compiler.step("comment");
    (void)compiler.text(*found);
  }
  rule.on_error = compile_on_error(value, compiler);
  if (value.contains("group")) {
    rule.group = compile_group(value, compiler);
    return rule;
  }
  compile_actions(value, rule, compiler);
  weigh(value, rule, compiler);
  return rule;
}

}  // namespace mailstead::router
