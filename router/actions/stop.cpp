// {"stop": true}: no further rule is tried; what was decided so far holds, else the default destination.
#include "router/actions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class Stop final : public Action {
 public:
  void run(Walk& walk) const override { walk.report("stop"); }
  Effect effect() const noexcept override { return Effect::kStops; }
};

}  // namespace

std::unique_ptr<Action> make_stop(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("stop");
  return compiler.is_true(*object.find("stop")) ? std::make_unique<Stop>() : nullptr;
}

}  // namespace mailstead::router
