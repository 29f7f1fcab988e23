// One condition of a rule, compiled. Immutable; all that is learned of a message is kept in the Evaluation.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "router/compiler.h"
#include "router/needle.h"

namespace mailstead::router {

class Condition {
 public:
  virtual ~Condition() = default;
  // Whether the message fits; writes a row of the trace when there is one.
  [[nodiscard]] bool holds(Evaluation& evaluation) const;
  // Without which it cannot hold; nullopt when nothing of the kind is known.
  [[nodiscard]] virtual std::optional<Needle> needle() const { return std::nullopt; }

 protected:
  [[nodiscard]] virtual bool test(Evaluation& evaluation) const = 0;
  [[nodiscard]] virtual std::string text() const = 0;  // as people would write it
};

using ConditionMaker = std::unique_ptr<Condition> (*)(const nlohmann::json& object, Compiler& compiler);

// A kind is known by its key; `with` are the keys that may stand beside it.
struct ConditionKind {
  std::string_view key;
  std::span<const std::string_view> with;
  ConditionMaker make;
};
[[nodiscard]] std::span<const ConditionKind> condition_kinds() noexcept;

// The condition that `value` describes; nullptr after a problem.
[[nodiscard]] std::unique_ptr<Condition> compile_condition(const nlohmann::json& value, Compiler& compiler);

}  // namespace mailstead::router
