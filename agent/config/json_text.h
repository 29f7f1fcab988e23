// JSON as configurations are written: RFC 8259 with comments, read by nlohmann/json; stricter where looseness hides
// mistakes (a key twice) and bounded (depth, size). Positions are found by a second walk, and only when a problem needs
// them: nothing is kept per value.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mailstead::agent {

inline constexpr std::size_t kMaxConfigBytes = 16 * 1024 * 1024;
inline constexpr std::size_t kMaxConfigDepth = 64;
// A condition of 64 levels (router) lies this much deeper in the text: rules, the rule, "if", a list per level.
inline constexpr std::size_t kMaxRuleDepth = 2 * kMaxConfigDepth + 8;

struct SyntaxFault {
  unsigned line = 0, column = 0;  // column 0: not a fault of the syntax
  std::string pointer;
  std::string what, hint;
};

// Faults are appended; nothing comes back when the text cannot be understood at all. The text itself is never quoted:
// it may hold passwords.
[[nodiscard]] std::optional<nlohmann::json> parse_json(std::string_view text, std::vector<SyntaxFault>& faults);

// The line where each of `pointers` stands: the line of its key, or of the item. One that is not there has the line of
// the nearest container that is.
[[nodiscard]] std::map<std::string, unsigned> locate(std::string_view text, const std::set<std::string>& pointers);

// What is wrong at `offset` of a text that does not parse, in words for people (syntax_hint.cpp).
[[nodiscard]] SyntaxFault explain_syntax(std::string_view text, std::size_t offset, const std::string& library_words);

}  // namespace mailstead::agent
