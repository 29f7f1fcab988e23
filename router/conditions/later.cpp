// A test of the language that this version cannot evaluate: refused, since a rule that silently never matches would be
// worse.
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {

std::unique_ptr<Condition> make_later_test(const nlohmann::json& /*object*/, Compiler& compiler) {
  auto at = compiler.step("command");
  compiler.problem("the test \"command\" is not supported by this version yet");
  return nullptr;
}

}  // namespace mailstead::router
