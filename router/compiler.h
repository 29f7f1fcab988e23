// What compiling a rule needs at hand: where in the configuration we stand, the problems found so far, what exists.
//
// Nothing here throws on what a user wrote; a part that cannot be compiled is a problem and nothing else, so that all
// faults of all rules are found in one run.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "router/rule_set.h"

namespace mailstead::router {

inline constexpr std::size_t kMaxConditionDepth = 64;
inline constexpr std::size_t kMaxRegexBytes = 16 * 1024;          // of a pattern as written
inline constexpr std::int64_t kMaxRegexMemory = 4 * 1024 * 1024;  // of a compiled one with its caches

// What the templates of a rule may refer to.
struct RuleFacts {
  bool has_regex = false;  // outside of any "not"
  int regex_groups = 0;    // the most that one of them has
  bool has_srs = false;    // outside of any "not"
  bool has_spam = false;   // anywhere
  bool needs_body = false;
};

class Compiler {
 public:
  Compiler(const RuleContext& context, std::vector<Problem>& problems, std::string pointer)
      : context_(context), problems_(problems), pointer_(std::move(pointer)) {}

  // One level further down in the configuration, for as long as it lives.
  class Step {
   public:
    explicit Step(std::string& pointer) : pointer_(pointer), length_(pointer.size()) {}  // stays
    Step(std::string& pointer, std::string_view token);
    ~Step() { pointer_.resize(length_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    std::string& pointer_;
    std::size_t length_;
  };
  [[nodiscard]] Step step(std::string_view key) { return {pointer_, key}; }
  [[nodiscard]] Step step(std::size_t index);
  // To the item of a list; stays where `value` is the one item itself.
  [[nodiscard]] Step item(const nlohmann::json& value, std::size_t index);

  void problem(std::string what, std::string hint = {});
  [[nodiscard]] std::size_t problems() const noexcept { return problems_.size(); }

  // Each of these reports what does not fit at the place where we stand and then returns nothing (or empty).
  [[nodiscard]] bool is_object(const nlohmann::json& value, std::string_view what);
  [[nodiscard]] std::optional<std::string> text(const nlohmann::json& value);
  [[nodiscard]] std::vector<std::string> texts(const nlohmann::json& value);  // one, or a list of at least one
  [[nodiscard]] std::optional<bool> boolean(const nlohmann::json& value);
  [[nodiscard]] bool is_true(const nlohmann::json& value);
  // A glob or regular expression that reaches RE2, and texts that reach a header, must be valid UTF-8 without NUL.
  void check_keys(const nlohmann::json& object, std::span<const std::string_view> allowed, std::string_view owner);

  [[nodiscard]] const RuleContext& context() const noexcept { return context_; }
  [[nodiscard]] RuleFacts& facts() noexcept { return facts_; }

  // Inside "not" a regular expression gives no ${regex:n}.
  int negations = 0;
  std::size_t depth = 0;

 private:
  const RuleContext& context_;
  std::vector<Problem>& problems_;
  std::string pointer_;
  RuleFacts facts_;
};

[[nodiscard]] std::string in_quotes(std::string_view text);
// `did you mean "…"?`, or "" when nothing is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::set<std::string>& candidates);
// "a, b, c" for a list of what there is.
[[nodiscard]] std::string enumerated(std::span<const std::string_view> words);

}  // namespace mailstead::router
