// {"all": […]}, {"any": […]}, {"not": {…}}. Evaluation stops as soon as the answer is known.
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

namespace mailstead::router {
namespace {

using Conditions = std::vector<std::unique_ptr<Condition>>;

class All final : public Condition {
 public:
  explicit All(Conditions inner) : inner_(std::move(inner)) {}
  // The first one's alone: whatever stands behind it is not looked at where that one does not hold.
  std::optional<Needle> needle() const override { return inner_.front()->needle(); }

 protected:
  bool test(Evaluation& evaluation) const override {
    return std::all_of(inner_.begin(), inner_.end(), [&](const auto& one) { return one->holds(evaluation); });
  }
  std::string text() const override { return "all of"; }

 private:
  Conditions inner_;
};

class Any final : public Condition {
 public:
  explicit Any(Conditions inner) : inner_(std::move(inner)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    return std::any_of(inner_.begin(), inner_.end(), [&](const auto& one) { return one->holds(evaluation); });
  }
  std::string text() const override { return "any of"; }

 private:
  Conditions inner_;
};

class Not final : public Condition {
 public:
  explicit Not(std::unique_ptr<Condition> inner) : inner_(std::move(inner)) {}

 protected:
  // What a regular expression catches in here is not for ${regex:n}.
  bool test(Evaluation& evaluation) const override {
    std::vector<std::string> kept = evaluation.captures;
    bool held = inner_->holds(evaluation);
    evaluation.captures = std::move(kept);
    return !held;
  }
  std::string text() const override { return "not"; }

 private:
  std::unique_ptr<Condition> inner_;
};

Conditions compile_list(const nlohmann::json& object, std::string_view key, Compiler& compiler) {
  auto at = compiler.step(key);
  const nlohmann::json& list = *object.find(key);
  Conditions made;
  if (!list.is_array()) {
    compiler.problem(in_quotes(key) + " takes a list of conditions in brackets");
    return made;
  }
  if (list.empty()) compiler.problem(in_quotes(key) + " is empty", "leave \"if\" out for a rule that always matches");
  bool whole = true;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto at_item = compiler.step(i);
    made.push_back(compile_condition(list[i], compiler));
    whole = whole && made.back() != nullptr;
  }
  if (!whole) made.clear();
  return made;
}

}  // namespace

std::unique_ptr<Condition> make_all(const nlohmann::json& object, Compiler& compiler) {
  Conditions inner = compile_list(object, "all", compiler);
  return inner.empty() ? nullptr : std::make_unique<All>(std::move(inner));
}

std::unique_ptr<Condition> make_any(const nlohmann::json& object, Compiler& compiler) {
  Conditions inner = compile_list(object, "any", compiler);
  return inner.empty() ? nullptr : std::make_unique<Any>(std::move(inner));
}

std::unique_ptr<Condition> make_not(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("not");
  ++compiler.negations;
  auto inner = compile_condition(*object.find("not"), compiler);
  --compiler.negations;
  return inner ? std::make_unique<Not>(std::move(inner)) : nullptr;
}

}  // namespace mailstead::router
