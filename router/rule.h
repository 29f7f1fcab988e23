// One rule, compiled: a condition (none: always) and actions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "router/action.h"
#include "router/condition.h"

namespace mailstead::router {

// What a rule does whose test gets no answer: a program that cannot be run, a service that is down. kRetry: the message
// waits on its server, also where a filter of the rule fails.
enum class OnError { kNoMatch, kMatch, kRetry };

struct Rule {
  std::string name;  // as given, else "rule N", "rule N of GROUP"
  std::unique_ptr<Condition> condition;
  std::vector<std::unique_ptr<Action>> actions;
  std::string group;                           // whose rules are tried instead of actions; "" none
  const std::vector<Rule>* members = nullptr;  // of the group, once all are compiled
  OnError on_error = OnError::kNoMatch;
  bool always = true;      // there is no "if"
  bool settles = false;    // it delivers or discards for good
  bool ends_walk = false;  // no later rule is tried when it matches
};

// `usual_name`: where it has none of its own. The rule serves only when no problem was reported.
[[nodiscard]] Rule compile_rule(const nlohmann::json& value, const std::string& usual_name, Compiler& compiler);

// The keys of a rule.
[[nodiscard]] std::span<const std::string_view> rule_keys() noexcept;

}  // namespace mailstead::router
