#include "router/matcher.h"

#include "mail/ascii.h"
#include "mail/unicode.h"

#include <re2/re2.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace mailstead::router {
namespace {

constexpr std::array<std::string_view, 9> kOperators = {"is",    "contains", "starts_with", "ends_with", "glob",
                                                        "regex", "exists",   "over",        "under"};
constexpr int kMaxGroups = 32;

// The test fits when one value does. What decided is that value, else the first one looked at.
class EachValue : public Matcher {
 public:
  bool fits_any(std::span<Value> values, Evaluation& evaluation) const override {
    for (Value& value : values) {
      if (!fits(value, evaluation)) continue;
      evaluation.saw(value.text());
      return true;
    }
    if (!values.empty()) evaluation.saw(values.front().text());
    return false;
  }

 protected:
  [[nodiscard]] virtual bool fits(Value& value, Evaluation& evaluation) const = 0;
};

using TextComparison = bool (*)(std::string_view value, std::string_view wanted);

class TextMatcher final : public EachValue {
 public:
  TextMatcher(std::string_view name, TextComparison compare, std::vector<std::string> wanted, bool exact_case)
      : name_(name), compare_(compare), exact_case_(exact_case), written_(wanted), wanted_(std::move(wanted)) {
    if (!exact_case_)
      for (std::string& one : wanted_) one = mail::fold_case(one);
  }
  std::string text() const override { return std::string(name_) + ' ' + listed(written_); }
  std::vector<std::string> literals() const override { return folded_literals(written_); }

 protected:
  bool fits(Value& value, Evaluation&) const override {
    const std::string& seen = exact_case_ ? value.text() : value.folded();
    return std::any_of(wanted_.begin(), wanted_.end(), [&](const std::string& one) { return compare_(seen, one); });
  }

 private:
  std::string_view name_;
  TextComparison compare_;
  bool exact_case_;
  std::vector<std::string> written_, wanted_;
};

// "is" looks its value up: lists of many thousands cost the same as one.
class IsMatcher final : public EachValue {
 public:
  IsMatcher(std::vector<std::string> wanted, bool exact_case) : exact_case_(exact_case), written_(std::move(wanted)) {
    for (const std::string& one : written_) wanted_.insert(exact_case_ ? one : mail::fold_case(one));
  }
  std::string text() const override { return "is " + listed(written_); }
  std::vector<std::string> literals() const override { return folded_literals(written_); }

 protected:
  bool fits(Value& value, Evaluation&) const override {
    return wanted_.contains(exact_case_ ? value.text() : value.folded());
  }

 private:
  bool exact_case_;
  std::vector<std::string> written_;
  std::unordered_set<std::string> wanted_;
};

class GlobMatcher final : public EachValue {
 public:
  explicit GlobMatcher(GlobSet globs) : globs_(std::move(globs)) {}
  std::string text() const override { return "glob " + listed(globs_.patterns()); }
  std::vector<std::string> literals() const override { return globs_.literals(); }

 protected:
  bool fits(Value& value, Evaluation&) const override { return globs_.fits(value); }

 private:
  GlobSet globs_;
};

class RegexMatcher final : public EachValue {
 public:
  RegexMatcher(std::vector<std::string> written, std::vector<std::shared_ptr<const RE2>> regexes)
      : written_(std::move(written)), regexes_(std::move(regexes)) {}
  std::string text() const override { return "regex " + listed(written_); }

 protected:
  bool fits(Value& value, Evaluation& evaluation) const override {
    return std::any_of(regexes_.begin(), regexes_.end(),
                       [&](const auto& regex) { return catches(*regex, value.text(), evaluation); });
  }

 private:
  static bool catches(const RE2& regex, const std::string& text, Evaluation& evaluation) {
    std::array<re2::StringPiece, kMaxGroups + 1> groups;
    int count = std::min(regex.NumberOfCapturingGroups(), kMaxGroups) + 1;
    // Only a match costs the captures: the first look is by the DFA alone.
    if (!regex.Match(text, 0, text.size(), RE2::UNANCHORED, nullptr, 0)) return false;
    if (!regex.Match(text, 0, text.size(), RE2::UNANCHORED, groups.data(), count)) return false;
    evaluation.captures.clear();
    for (int i = 0; i < count; ++i) evaluation.captures.emplace_back(groups[i].data(), groups[i].size());
    return true;
  }

  std::vector<std::string> written_;
  std::vector<std::shared_ptr<const RE2>> regexes_;
};

class ExistsMatcher final : public Matcher {
 public:
  explicit ExistsMatcher(bool wanted) : wanted_(wanted) {}
  bool fits_any(std::span<Value> values, Evaluation& evaluation) const override {
    if (!values.empty()) evaluation.saw(values.front().text());
    return values.empty() != wanted_;
  }
  std::string text() const override { return wanted_ ? "exists" : "does not exist"; }

 private:
  bool wanted_;
};

// The number that the value begins with, such as a spam score; a value without one does not fit.
class NumberMatcher final : public EachValue {
 public:
  NumberMatcher(std::optional<double> over, std::optional<double> under) : over_(over), under_(under) {}
  std::string text() const override {
    std::string out;
    if (over_) out = "over " + number_text(*over_);
    if (under_) out += (out.empty() ? "under " : " and under ") + number_text(*under_);
    return out;
  }

 protected:
  bool fits(Value& value, Evaluation&) const override {
    std::string_view text = mail::trim(value.text());
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    double number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return false;
    return (!over_ || number > *over_) && (!under_ || number < *under_);
  }

 private:
  static std::string number_text(double number) {
    std::array<char, 32> buffer{};
    auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
    return {buffer.data(), end};
  }
  std::optional<double> over_, under_;
};

std::optional<double> number_at(const nlohmann::json& object, std::string_view key, Compiler& compiler) {
  auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  if (found->is_number()) return found->get<double>();
  auto at = compiler.step(key);
  compiler.problem("must be a number");
  return std::nullopt;
}

std::unique_ptr<Matcher> make_regex(const nlohmann::json& value, bool exact_case, Compiler& compiler) {
  std::size_t before = compiler.problems();
  std::vector<std::string> written = compiler.texts(value);
  std::vector<std::shared_ptr<const RE2>> regexes;
  for (std::size_t i = 0; i < written.size(); ++i) {
    auto at = compiler.item(value, i);
    auto regex = compile_regex(written[i], exact_case, compiler);
    if (!regex) continue;
    if (compiler.negations == 0) {
      compiler.facts().has_regex = true;
      int groups = std::min(regex->NumberOfCapturingGroups(), kMaxGroups);
      compiler.facts().regex_groups = std::max(compiler.facts().regex_groups, groups);
    }
    regexes.push_back(std::move(regex));
  }
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<RegexMatcher>(std::move(written), std::move(regexes));
}

std::unique_ptr<Matcher> make_glob(const nlohmann::json& value, bool exact_case, Compiler& compiler) {
  auto globs = GlobSet::compile(value, exact_case, compiler);
  return globs ? std::make_unique<GlobMatcher>(std::move(*globs)) : nullptr;
}

std::unique_ptr<Matcher> make_exists(const nlohmann::json& value, Compiler& compiler) {
  auto wanted = compiler.boolean(value);
  return wanted ? std::make_unique<ExistsMatcher>(*wanted) : nullptr;
}

TextComparison comparison_of(std::string_view name) {
  if (name == "contains")
    return [](std::string_view value, std::string_view wanted) { return value.find(wanted) != std::string_view::npos; };
  if (name == "starts_with")
    return [](std::string_view value, std::string_view wanted) { return value.starts_with(wanted); };
  return [](std::string_view value, std::string_view wanted) { return value.ends_with(wanted); };
}

std::unique_ptr<Matcher> make_text(std::string_view name, const nlohmann::json& value, bool exact_case,
                                   Compiler& compiler) {
  std::size_t before = compiler.problems();
  std::vector<std::string> wanted = compiler.texts(value);
  if (compiler.problems() != before) return nullptr;
  if (name == "is") return std::make_unique<IsMatcher>(std::move(wanted), exact_case);
  return std::make_unique<TextMatcher>(name, comparison_of(name), std::move(wanted), exact_case);
}

std::unique_ptr<Matcher> make_number(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  auto over = number_at(object, "over", compiler);
  auto under = number_at(object, "under", compiler);
  if (over && under && *over >= *under) compiler.problem("nothing is both over and under these", "exchange the two");
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<NumberMatcher>(over, under);
}

bool is_number(std::string_view name) noexcept {
  return name == "over" || name == "under";
}

// The operator that `object` uses; "" after a problem.
std::string_view operator_of(const nlohmann::json& object, Compiler& compiler) {
  std::vector<std::string_view> used;
  for (std::string_view name : kOperators)
    if (object.contains(name)) used.push_back(name);
  if (used.empty()) {
    compiler.problem("says not what to compare with", "add one of " + enumerated(kOperators));
    return {};
  }
  bool all_numbers = std::all_of(used.begin(), used.end(), is_number);
  if (used.size() > 1 && !all_numbers) {
    auto at = compiler.step(used[1]);
    compiler.problem("two operators, " + in_quotes(used[0]) + " and " + in_quotes(used[1]) + ", in one test",
                     "write two tests in \"all\"");
    return {};
  }
  return used.front();
}

}  // namespace

std::span<const std::string_view> operator_names() noexcept {
  return kOperators;
}

std::vector<std::string> folded_literals(const std::vector<std::string>& texts) {
  std::vector<std::string> folded;
  for (const std::string& text : texts) {
    if (text.empty()) return {};
    folded.push_back(mail::fold_case(text));
  }
  return folded;
}

std::string listed(const std::vector<std::string>& texts) {
  constexpr std::size_t kShown = 5;
  std::string out = texts.size() > 1 ? "any of " : "";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i == kShown) return out + ", … (" + std::to_string(texts.size()) + " in all)";
    if (i > 0) out += ", ";
    out += in_quotes(texts[i]);
  }
  return out;
}

std::unique_ptr<Matcher> Matcher::compile(const nlohmann::json& object, Compiler& compiler) {
  bool exact_case = false;
  if (auto found = object.find("case"); found != object.end()) {
    auto at = compiler.step("case");
    exact_case = compiler.boolean(*found).value_or(false);
  }
  std::string_view name = operator_of(object, compiler);
  if (name.empty()) return nullptr;
  if (is_number(name)) return make_number(object, compiler);
  auto at = compiler.step(name);
  const nlohmann::json& value = *object.find(name);
  if (name == "exists") return make_exists(value, compiler);
  if (name == "regex") return make_regex(value, exact_case, compiler);
  if (name == "glob") return make_glob(value, exact_case, compiler);
  return make_text(name, value, exact_case, compiler);
}

}  // namespace mailstead::router
