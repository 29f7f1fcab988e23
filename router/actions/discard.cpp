// {"discard": true}: the message goes nowhere further; its history says by which rule.
#include "router/actions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class Discard final : public Action {
 public:
  void run(Walk& walk) const override {
    walk.decision.discarded = true;
    walk.decision.discarded_by = walk.rule;
    walk.report("discard");
  }
  Effect effect() const noexcept override { return Effect::kDiscards; }
};

}  // namespace

std::unique_ptr<Action> make_discard(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("discard");
  return compiler.is_true(*object.find("discard")) ? std::make_unique<Discard>() : nullptr;
}

}  // namespace mailstead::router
