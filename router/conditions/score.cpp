// {"score": [{"if": CONDITION, "weight": NUMBER}, …], "at_least": NUMBER}: every condition is asked, the weights of
// those that hold are added up, and the sum must reach the threshold. A weight may be negative.
#include "router/conditions/kinds.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace mailstead::router {
namespace {

constexpr double kLargest = 1e6;
constexpr double kRounding = 1e-9;  // 0.1 + 0.2 reaches 0.3
constexpr std::size_t kMostConditions = 1000;

struct Weighted {
  std::unique_ptr<Condition> condition;
  double weight = 0;
};

class ScoreTest final : public Condition {
 public:
  ScoreTest(std::vector<Weighted> weighted, double threshold) : weighted_(std::move(weighted)), threshold_(threshold) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    const std::vector<std::string> kept = evaluation.captures;
    double sum = 0;
    std::string addends;
    for (const Weighted& one : weighted_) {
      const bool held = one.condition->holds(evaluation);
      evaluation.captures = kept;
      if (!held) continue;
      sum += one.weight;
      if (evaluation.traces()) addends += fmt::format("{}{:g}", addends.empty() ? "" : " + ", one.weight);
    }
    if (evaluation.traces()) evaluation.saw(fmt::format("{} = {:g}", addends.empty() ? "none" : addends, sum));
    return sum >= threshold_ - kRounding;
  }
  std::string text() const override { return fmt::format("score at least {:g}", threshold_); }

 private:
  std::vector<Weighted> weighted_;
  double threshold_;
};

std::optional<double> compile_number(const nlohmann::json& object, std::string_view key, Compiler& compiler) {
  auto found = object.find(key);
  if (found == object.end()) {
    compiler.problem("needs " + in_quotes(key), "a number, such as 2.5");
    return std::nullopt;
  }
  auto at = compiler.step(key);
  if (found->is_number() && std::abs(found->get<double>()) <= kLargest) return found->get<double>();
  compiler.problem("must be a number, such as 2.5");
  return std::nullopt;
}

// What the rule may refer to in templates is not to depend on which of the conditions held.
std::optional<Weighted> compile_weighted(const nlohmann::json& value, Compiler& compiler) {
  if (!compiler.is_object(value, "a part of a score")) return std::nullopt;
  compiler.check_keys(value, keys_inside("score"), "a part of a score");
  Weighted made;
  const auto weight = compile_number(value, "weight", compiler);
  if (weight && *weight == 0) {
    auto at = compiler.step("weight");
    compiler.problem("a weight of 0 changes nothing", "leave that part out");
  }
  auto found = value.find("if");
  if (found == value.end()) {
    compiler.problem("a part of a score needs \"if\"", R"(write {"if": {…}, "weight": 2.5})");
    return std::nullopt;
  }
  auto at = compiler.step("if");
  ++compiler.negations;
  made.condition = compile_condition(*found, compiler);
  --compiler.negations;
  if (!made.condition || !weight) return std::nullopt;
  made.weight = *weight;
  return made;
}

}  // namespace

std::unique_ptr<Condition> make_score_test(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  const auto threshold = compile_number(object, "at_least", compiler);
  std::vector<Weighted> weighted;
  double most = 0;
  {
    auto at = compiler.step("score");
    const nlohmann::json& list = *object.find("score");
    if (!list.is_array()) {
      compiler.problem("\"score\" takes a list of conditions with weights in brackets");
      return nullptr;
    }
    if (list.empty()) compiler.problem("\"score\" is empty");
    if (list.size() > kMostConditions) compiler.problem("a score has at most 1000 parts");
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto at_item = compiler.step(i);
      auto one = compile_weighted(list[i], compiler);
      if (!one) continue;
      most += std::max(one->weight, 0.0);
      weighted.push_back(std::move(*one));
    }
  }
  if (compiler.problems() != before) return nullptr;
  if (*threshold > most + kRounding) {
    auto at = compiler.step("at_least");
    compiler.problem(fmt::format("is never reached: the weights come to {:g} at most", most));
    return nullptr;
  }
  return std::make_unique<ScoreTest>(std::move(weighted), *threshold);
}

}  // namespace mailstead::router
