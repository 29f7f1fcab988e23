// One action of a rule, compiled.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "router/compiler.h"
#include "router/evaluation.h"

namespace mailstead::router {

// What the rules have decided so far, on the way through them.
struct Walk {
  Evaluation& evaluation;
  Decision& decision;
  mail::Flags flags;                         // that the next delivery gets
  std::string rule;                          // in hand
  bool waits_on_error = false;               // the rule in hand would rather have the message wait than go on
  bool went = false;                         // whether the action in hand had a way to send the message
  std::vector<std::string>* done = nullptr;  // what was done, for an explanation; may be null

  // Adds the delivery with the flags and edits so far, unless the same one is there already.
  void deliver(std::string destination, std::string folder, std::vector<std::string> to);
  void report(std::string what);
  // A note that the log is to tell, too.
  void trouble(std::string what);
  // The message is not to be accepted now, because of that failure; nothing more is done.
  void postpone(const mail::Failure& failure);
  // The form of the message that the actions so far have made, and its bytes, which may be those of the subject itself.
  [[nodiscard]] Form form() const noexcept { return {decision.edits.size(), decision.filtered.size()}; }
  [[nodiscard]] std::shared_ptr<const mail::Content> message() const;
};

class Action {
 public:
  // How an action bears on the walk (router/rule_set.h): kSettles a way on that counts, kCopies one that does not,
  // kStops and kDiscards end the walk, kHolds does and settles; kRuns hands
  // the message to a program.
  enum class Effect { kNone, kSettles, kCopies, kStops, kDiscards, kHolds, kRuns };

  virtual ~Action() = default;
  virtual void run(Walk& walk) const = 0;
  [[nodiscard]] virtual Effect effect() const noexcept { return Effect::kNone; }
};

using ActionMaker = std::unique_ptr<Action> (*)(const nlohmann::json& object, Compiler& compiler);

struct ActionKind {
  std::string_view key;
  std::span<const std::string_view> with;  // keys that may stand beside it
  ActionMaker make;
};
[[nodiscard]] std::span<const ActionKind> action_kinds() noexcept;

// nullptr after a problem.
[[nodiscard]] std::unique_ptr<Action> compile_action(const nlohmann::json& value, Compiler& compiler);

}  // namespace mailstead::router
