// {"spam": FILTER, "over": SCORE, "under": SCORE, "action": GLOB, "symbol": GLOB}: what one of "spam_filters" thinks of
// the message as it was received. Without any of the other keys its own measure counts, else all of them must fit. A
// message that is too large for the filter is not asked about, and is no spam. ${spam.score}, ${spam.action} and
// ${spam.symbols} are for the templates of the rule.
#include "router/conditions/kinds.h"
#include "router/matcher.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace mailstead::router {
namespace {

constexpr double kLargestScore = 1e6;

struct SpamMeasure {
  std::optional<double> over, under;
  std::optional<GlobSet> action, symbol;
};

class SpamTest final : public Condition {
 public:
  SpamTest(std::string filter, SpamMeasure measure) : filter_(std::move(filter)), measure_(std::move(measure)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    const SpamAnswer& answer = evaluation.spam(filter_);
    if (!answer.verdict) {
      evaluation.saw(answer.words);
      evaluation.note("spam filter " + in_quotes(filter_) + " " + answer.words);
      return false;
    }
    if (evaluation.traces()) evaluation.saw(text_of(*answer.verdict));
    return fits(*answer.verdict);
  }
  std::string text() const override {
    std::string out = "spam by " + in_quotes(filter_);
    if (measure_.over) out += fmt::format(", score over {:g}", *measure_.over);
    if (measure_.under) out += fmt::format(", score under {:g}", *measure_.under);
    if (measure_.action) out += ", action " + listed(measure_.action->patterns());
    if (measure_.symbol) out += ", symbol " + listed(measure_.symbol->patterns());
    return out;
  }

 private:
  [[nodiscard]] bool fits(const mail::SpamVerdict& verdict) const {
    if (!measure_.over && !measure_.under && !measure_.action && !measure_.symbol) return verdict.spam;
    if (measure_.over && !(verdict.score > *measure_.over)) return false;
    if (measure_.under && !(verdict.score < *measure_.under)) return false;
    const auto fits_in = [](const GlobSet& globs, const std::string& text) {
      Value value(text);
      return globs.fits(value);
    };
    if (measure_.action && !fits_in(*measure_.action, verdict.action)) return false;
    return !measure_.symbol || std::any_of(verdict.symbols.begin(), verdict.symbols.end(),
                                           [&](const auto& symbol) { return fits_in(*measure_.symbol, symbol); });
  }

  static std::string text_of(const mail::SpamVerdict& verdict) {
    std::string out =
        fmt::format("{}score {:.2f} of {:.2f}", verdict.spam ? "spam, " : "no spam, ", verdict.score, verdict.required);
    if (!verdict.action.empty()) out += ", " + verdict.action;
    for (const std::string& symbol : verdict.symbols)
      out += (&symbol == &verdict.symbols.front() ? ": " : ", ") + symbol;
    return out;
  }

  std::string filter_;
  SpamMeasure measure_;
};

std::optional<double> compile_score(const nlohmann::json& object, std::string_view key, Compiler& compiler) {
  auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  auto at = compiler.step(key);
  if (found->is_number() && std::abs(found->get<double>()) <= kLargestScore) return found->get<double>();
  compiler.problem("a score is a number, such as 5.5");
  return std::nullopt;
}

std::optional<GlobSet> compile_globs(const nlohmann::json& object, std::string_view key, Compiler& compiler) {
  auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  auto at = compiler.step(key);
  return GlobSet::compile(*found, false, compiler);
}

std::string compile_filter(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("spam");
  const auto name = compiler.text(*object.find("spam"));
  const auto& filters = compiler.context().spam_filters;
  if (!name || filters.contains(*name)) return name.value_or("");
  std::string hint = did_you_mean(*name, filters);
  if (filters.empty()) hint = R"(add "spam_filters": {)" + in_quotes(*name) + R"(: {"type": "rspamd", "url": …}})";
  compiler.problem("there is no spam filter " + in_quotes(*name), hint);
  return {};
}

}  // namespace

std::unique_ptr<Condition> make_spam_test(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  std::string filter = compile_filter(object, compiler);
  SpamMeasure measure;
  measure.over = compile_score(object, "over", compiler);
  measure.under = compile_score(object, "under", compiler);
  if (measure.over && measure.under && *measure.over >= *measure.under)
    compiler.problem("nothing is both over and under these", "exchange the two");
  measure.action = compile_globs(object, "action", compiler);
  measure.symbol = compile_globs(object, "symbol", compiler);
  if (const auto found = compiler.context().without_action.find(filter);
      measure.action && found != compiler.context().without_action.end()) {
    auto at = compiler.step("action");
    compiler.problem("the spam filter " + in_quotes(filter) + " names no actions", R"(use "over" or "symbol")");
  }
  compiler.facts().needs_body = true;
  compiler.facts().has_spam = true;
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<SpamTest>(std::move(filter), std::move(measure));
}

}  // namespace mailstead::router
