// The operators, shared by every test that compares text: is, contains, starts_with, ends_with, glob, regex, exists,
// over and under; a list means any of them; "case": true makes it exact-case.
//
// Without it, texts are compared after Unicode simple case folding (mail/unicode.h); globs and regular expressions
// run in RE2, which folds the same way and takes linear time.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "router/compiler.h"
#include "router/evaluation.h"

namespace re2 {
class RE2;
}

namespace mailstead::router {

[[nodiscard]] std::span<const std::string_view> operator_names() noexcept;

// One pattern in RE2, for a glob (`*` any run of characters, `?` one, `[a-z]` and `[!a-z]` one of a set, `\` takes the
// next as it is; the whole text must fit) or a regular expression (found anywhere). nullptr after a problem.
[[nodiscard]] std::shared_ptr<const re2::RE2> compile_glob(std::string_view glob, bool exact_case, Compiler& compiler);
[[nodiscard]] std::shared_ptr<const re2::RE2> compile_regex(const std::string& regex, bool exact_case,
                                                            Compiler& compiler);
[[nodiscard]] bool glob_fits(const re2::RE2& glob, std::string_view text);

// Any of several globs; those without wildcards are looked up, however many there are.
class GlobSet {
 public:
  [[nodiscard]] static std::optional<GlobSet> compile(const nlohmann::json& value, bool exact_case, Compiler& compiler);
  [[nodiscard]] bool fits(Value& value) const;
  [[nodiscard]] const std::vector<std::string>& patterns() const noexcept { return patterns_; }
  // As Matcher's.
  [[nodiscard]] std::vector<std::string> literals() const;

 private:
  bool exact_case_ = false;
  std::vector<std::string> patterns_;
  std::unordered_set<std::string> names_;
  std::vector<std::shared_ptr<const re2::RE2>> globs_;
};

class Matcher {
 public:
  virtual ~Matcher() = default;
  // Whether any of the values fits (or, for "exists", whether there are any). Tells the evaluation what decided and,
  // for a regular expression, what it caught.
  [[nodiscard]] virtual bool fits_any(std::span<Value> values, Evaluation& evaluation) const = 0;
  [[nodiscard]] virtual std::string text() const = 0;  // contains "boost"
  // One of these, case folded, stands in every value that fits; empty when that is not known.
  [[nodiscard]] virtual std::vector<std::string> literals() const { return {}; }

  // Out of the operator keys of `object`; exactly one must be there ("over" and "under" may stand together). nullptr
  // after a problem.
  [[nodiscard]] static std::unique_ptr<Matcher> compile(const nlohmann::json& object, Compiler& compiler);
};

// The texts case folded; none when one is empty, for that stands everywhere.
[[nodiscard]] std::vector<std::string> folded_literals(const std::vector<std::string>& texts);

// `"boost"`, or `any of "a", "b"`, shortened.
[[nodiscard]] std::string listed(const std::vector<std::string>& texts);

}  // namespace mailstead::router
