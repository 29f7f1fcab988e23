#include "router/rule_set.h"

#include "mail/escape.h"
#include "mail/failure.h"
#include "router/rule.h"
#include "router/screen.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <exception>
#include <map>

namespace mailstead::router {

// By the list of rules.
using Screens = std::map<const std::vector<Rule>*, Screen>;

struct RuleSet::State {
  std::vector<Rule> rules;
  std::map<std::string, std::vector<Rule>> groups;
  Screens screens;
  std::string default_destination;
  bool needs_body = false;
};

namespace {

// Walks the rules for one message.
class Walker {
 public:
  // Where reasons are asked for every rule has to be tried.
  Walker(const std::vector<Rule>& rules, const Screens& screens, const std::string& default_destination,
         const Subject& subject, Explanation& out, bool traced)
      : rules_(rules),
        screens_(screens),
        default_destination_(default_destination),
        out_(out),
        traced_(traced),
        evaluation_(subject, out.decision.notes),
        walk_{evaluation_, out.decision, subject.flags, {}} {
    walk_.flags.system &= static_cast<std::uint8_t>(~mail::kDeleted);
  }

  void run() {
    try_all(rules_);
    Decision& decision = out_.decision;
    if (decision.postponed) return;
    decision.remembered = std::move(evaluation_.remembered);
    if (!settled_ && !decision.discarded) use_default();
    if (decision.discarded && !decision.deliveries.empty()) {
      decision.discarded = false;
      evaluation_.note("discarded by rule " + in_quotes(decision.discarded_by) + " but for its copies");
    }
  }

 private:
  void try_all(const std::vector<Rule>& rules) {
    std::optional<Screen::Pass> pass;
    if (!traced_) pass.emplace(screens_.at(&rules), evaluation_);
    for (std::size_t i = 0; i < rules.size() && (traced_ || !ended_); ++i) {
      if (traced_) out_.rules.push_back({rules[i].name, RuleTrace::Verdict::kNotReached, {}, {}});
      if (!ended_ && (!pass || pass->may_match(i))) try_rule(rules[i]);
    }
  }

  void try_rule(const Rule& rule) {
    evaluation_.captures.clear();
    evaluation_.srs_sender.clear();
    evaluation_.spam_verdict = nullptr;
    if (traced_) evaluation_.trace_into(&out_.rules.back().tests);
    bool matched = matches(rule);
    evaluation_.trace_into(nullptr);
    if (traced_) out_.rules.back().verdict = matched ? RuleTrace::Verdict::kMatched : RuleTrace::Verdict::kNotMatched;
    if (!matched) return;
    out_.decision.matched.push_back(rule.name);
    if (rule.members != nullptr) {
      if (traced_) out_.rules.back().actions.push_back("group " + rule.group);
      return try_all(*rule.members);
    }
    act(rule);
    ended_ = rule.ends_walk || out_.decision.postponed;
  }

  // A test of the rule got no answer. Whether the rule matches all the same.
  bool without_answer(const Rule& rule, const mail::Failure& failure) {
    if (rule.on_error == OnError::kRetry) {
      walk_.rule = rule.name;
      walk_.postpone(failure);
      ended_ = true;
      return false;
    }
    const bool matches = rule.on_error == OnError::kMatch;
    walk_.trouble("rule " + in_quotes(rule.name) + " could not be evaluated" +
                  (matches ? " and counts as matching: " : ": ") + mail::printable(failure.text()));
    return matches;
  }

  bool matches(const Rule& rule) {
    if (rule.condition == nullptr) return rule.always;
    try {
      return rule.condition->holds(evaluation_);
    } catch (const mail::Failure& failure) {
      if (failure.kind() == mail::FailureKind::kCancelled) throw;
      return without_answer(rule, failure);
    } catch (const std::exception& error) {
      return without_answer(rule, {mail::FailureKind::kTemporary, mail::FailureScope::kMessage, error.what()});
    }
  }

  void act(const Rule& rule) {
    walk_.rule = rule.name;
    walk_.waits_on_error = rule.on_error == OnError::kRetry;
    walk_.done = traced_ ? &out_.rules.back().actions : nullptr;
    for (const auto& action : rule.actions) {
      walk_.went = false;
      try {
        action->run(walk_);
      } catch (const mail::Failure& failure) {
        if (failure.kind() == mail::FailureKind::kCancelled) throw;
        walk_.trouble("rule " + in_quotes(rule.name) + ": an action failed: " + failure.text());
        continue;
      } catch (const std::exception& error) {
        walk_.trouble("rule " + in_quotes(rule.name) + ": an action failed: " + mail::printable(error.what()));
        continue;
      }
      if (out_.decision.postponed) return;
      // A redirect whose address came out empty went nowhere and settles nothing.
      const bool counts = action->effect() == Action::Effect::kSettles || action->effect() == Action::Effect::kHolds;
      if (counts && walk_.went) settled_ = true;
    }
  }

  void use_default() {
    out_.used_default = true;
    if (default_destination_.empty()) {
      evaluation_.note("no rule decided and there is no default destination");
      return;
    }
    walk_.rule = "default";
    walk_.deliver(default_destination_, {}, {});
  }

  const std::vector<Rule>& rules_;
  const Screens& screens_;
  const std::string& default_destination_;
  Explanation& out_;
  bool traced_;
  Evaluation evaluation_;
  Walk walk_;
  bool settled_ = false, ended_ = false;
};

// A name stands for one rule in every history; a rule behind one that always ends the walk is never tried.
void check_order(const std::vector<Rule>& rules, std::set<std::string>& names, Compiler& compiler) {
  const Rule* last = nullptr;
  bool told = false;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto at = compiler.step(i);
    const Rule& rule = rules[i];
    if (!rule.name.empty() && !names.insert(rule.name).second) {
      auto at_name = compiler.step("name");
      compiler.problem("another rule is called " + in_quotes(rule.name), "give each its own name");
    }
    if (last != nullptr && !told) {
      compiler.problem(
          "is never tried: the rule " + in_quotes(last->name) + " before it always matches and ends the walk",
          "give that rule an \"if\" or \"continue\": true, or put it last");
      told = true;
    }
    if (last == nullptr && rule.always && rule.ends_walk && !rule.actions.empty()) last = &rule;
  }
}

// Whether the condition asks a program or a service, which may answer otherwise the next time.
bool asks_program(const nlohmann::json& condition) {
  if (condition.is_object() &&
      (condition.contains("command") || condition.contains("spam") || condition.contains("seen")))
    return true;
  return condition.is_structured() && std::any_of(condition.begin(), condition.end(),
                                                  [](const nlohmann::json& inner) { return asks_program(inner); });
}

// A rule with the test of an earlier one that ends the walk never gets a message that fits it.
void check_repeats(const nlohmann::json& written, const std::vector<Rule>& rules, Compiler& compiler) {
  std::map<nlohmann::json, const Rule*> ended;  // by the test of the rule that did
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].condition == nullptr) continue;
    const nlohmann::json& test = written[i].at("if");
    if (asks_program(test)) continue;
    if (auto earlier = ended.find(test); earlier != ended.end()) {
      auto at = compiler.step(i);
      auto at_test = compiler.step("if");
      compiler.problem(
          "is never true here: the rule " + in_quotes(earlier->second->name) + " has the same test and ends the walk",
          "put the actions of both into one rule, or give that one \"continue\": true");
    } else if (rules[i].ends_walk) {
      ended.emplace(test, &rules[i]);
    }
  }
}

// `of`: " of GROUP", or "".
std::vector<Rule> compile_list(const nlohmann::json& written, const std::string& of, std::set<std::string>& names,
                               bool& needs_body, Compiler& compiler) {
  std::vector<Rule> rules;
  if (!written.is_null() && !written.is_array()) {
    compiler.problem("rules are a list in brackets");
    return rules;
  }
  for (std::size_t i = 0; i < written.size(); ++i) {
    auto at = compiler.step(i);
    rules.push_back(compile_rule(written[i], "rule " + std::to_string(i + 1) + of, compiler));
    needs_body = needs_body || compiler.facts().needs_body;
  }
  check_order(rules, names, compiler);
  check_repeats(written, rules, compiler);
  return rules;
}

using Groups = std::map<std::string, std::vector<Rule>>;

// Whether a rule of `name` leads back to it; `chain` is how.
bool leads_back(const Groups& groups, const std::string& name, const std::string& from, std::vector<std::string>& chain,
                std::set<std::string>& tried) {
  if (!tried.insert(from).second) return false;
  for (const Rule& rule : groups.at(from)) {
    if (rule.group.empty()) continue;
    chain.push_back(rule.group);
    if (rule.group == name || (groups.contains(rule.group) && leads_back(groups, name, rule.group, chain, tried)))
      return true;
    chain.pop_back();
  }
  return false;
}

void compile_groups(const RuleContext& context, Groups& groups, std::set<std::string>& names, bool& needs_body,
                    Compiler& compiler) {
  if (context.groups == nullptr) return;
  if (!context.groups->is_object()) return compiler.problem("are an object in braces: a list of rules for each name");
  for (const auto& [name, written] : context.groups->items()) {
    auto at = compiler.step(name);
    if (written.is_array() && written.empty()) compiler.problem("has no rules");
    groups[name] = compile_list(written, " of " + name, names, needs_body, compiler);
  }
  for (const auto& [name, rules] : groups) {
    std::vector<std::string> chain{name};
    std::set<std::string> tried;
    if (!leads_back(groups, name, name, chain, tried)) continue;
    auto at = compiler.step(name);
    std::string text;
    for (const std::string& one : chain) text += (text.empty() ? "" : " → ") + one;
    compiler.problem("leads back to itself: " + text);
    return;  // the others of the circle would say the same
  }
}

void link(std::vector<Rule>& rules, const Groups& groups) {
  for (Rule& rule : rules)
    if (auto found = groups.find(rule.group); found != groups.end()) rule.members = &found->second;
}

}  // namespace

RuleSet::RuleSet(std::unique_ptr<State> state) : state_(std::move(state)) {}
RuleSet::~RuleSet() = default;

std::shared_ptr<const RuleSet> RuleSet::compile(const nlohmann::json& rules, const RuleContext& context,
                                                std::vector<Problem>& problems, const std::string& pointer) {
  auto state = std::make_unique<State>();
  state->default_destination = context.default_destination;
  Compiler compiler(context, problems, pointer);
  std::set<std::string> names;
  state->rules = compile_list(rules, "", names, state->needs_body, compiler);
  Compiler of_groups(context, problems, "/rule_groups");
  compile_groups(context, state->groups, names, state->needs_body, of_groups);
  link(state->rules, state->groups);
  for (auto& [name, members] : state->groups) link(members, state->groups);
  state->screens.try_emplace(&state->rules, state->rules);
  for (const auto& [name, members] : state->groups) state->screens.try_emplace(&members, members);
  return std::shared_ptr<const RuleSet>(new RuleSet(std::move(state)));
}

Decision RuleSet::decide(const Subject& subject) const {
  Explanation out;
  Walker(state_->rules, state_->screens, state_->default_destination, subject, out, false).run();
  return std::move(out.decision);
}

Explanation RuleSet::explain(const Subject& subject) const {
  Explanation out;
  Walker(state_->rules, state_->screens, state_->default_destination, subject, out, true).run();
  return out;
}

std::size_t RuleSet::size() const noexcept {
  return state_->rules.size();
}
bool RuleSet::needs_body() const noexcept {
  return state_->needs_body;
}

}  // namespace mailstead::router
