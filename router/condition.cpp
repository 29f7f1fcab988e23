#include "router/condition.h"

#include <nlohmann/json.hpp>

#include <exception>
#include <vector>

namespace mailstead::router {
namespace {

std::vector<std::string_view> kind_names() {
  std::vector<std::string_view> names;
  for (const ConditionKind& kind : condition_kinds()) names.push_back(kind.key);
  return names;
}

// The key of `object` that is nearest to the name of a test, for a test spelt wrongly; "" when none is.
std::string misspelt(const nlohmann::json& object, std::string& hint) {
  std::vector<std::string_view> names = kind_names();
  for (const auto& [key, value] : object.items()) {
    hint = did_you_mean(key, names);
    if (!hint.empty()) return key;
  }
  return {};
}

void report_no_test(const nlohmann::json& object, Compiler& compiler) {
  if (object.empty()) {
    compiler.problem("an empty condition", "leave \"if\" out for a rule that always matches");
    return;
  }
  std::string hint;
  std::string key = misspelt(object, hint);
  if (key.empty()) key = object.begin().key();
  auto at = compiler.step(key);
  compiler.problem("unknown test " + in_quotes(key), hint.empty() ? "there are " + enumerated(kind_names()) : hint);
}

const ConditionKind* kind_of(const nlohmann::json& object, Compiler& compiler) {
  const ConditionKind* found = nullptr;
  for (const ConditionKind& kind : condition_kinds()) {
    if (!object.contains(kind.key)) continue;
    if (found == nullptr) {
      found = &kind;
    } else {
      auto at = compiler.step(kind.key);
      compiler.problem("two tests, " + in_quotes(found->key) + " and " + in_quotes(kind.key) + ", in one condition",
                       "put each into braces of its own, inside \"all\" or \"any\"");
      return nullptr;
    }
  }
  if (found == nullptr) report_no_test(object, compiler);
  return found;
}

struct Deeper {
  explicit Deeper(std::size_t& depth) : depth_(++depth) {}
  ~Deeper() { --depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
  std::size_t& depth_;
};

}  // namespace

bool Condition::holds(Evaluation& evaluation) const {
  if (!evaluation.traces()) return test(evaluation);
  std::size_t row = evaluation.open_row(text());
  try {
    bool matched = test(evaluation);
    evaluation.close_row(row, matched);
    return matched;
  } catch (const std::exception& error) {
    evaluation.saw(error.what());
    evaluation.close_row(row, false);
    throw;
  }
}

std::unique_ptr<Condition> compile_condition(const nlohmann::json& value, Compiler& compiler) {
  if (!compiler.is_object(value, "a condition")) return nullptr;
  Deeper deeper(compiler.depth);
  if (compiler.depth > kMaxConditionDepth) {
    compiler.problem("conditions are nested deeper than " + std::to_string(kMaxConditionDepth));
    return nullptr;
  }
  const ConditionKind* kind = kind_of(value, compiler);
  if (kind == nullptr) return nullptr;
  std::vector<std::string_view> allowed{kind->key};
  allowed.insert(allowed.end(), kind->with.begin(), kind->with.end());
  compiler.check_keys(value, allowed, "a " + in_quotes(kind->key) + " test");
  return kind->make(value, compiler);
}

}  // namespace mailstead::router
