// Actions of the language that this version cannot do: refused, since a rule that silently does less than it says
// would be worse.
#include "router/actions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {

std::unique_ptr<Action> make_later_action(const nlohmann::json& object, Compiler& compiler) {
  for (std::string_view key : {"filter", "reject", "notify"}) {
    if (!object.contains(key)) continue;
    auto at = compiler.step(key);
    compiler.problem("the action " + in_quotes(key) + " is not supported by this version yet");
  }
  return nullptr;
}

}  // namespace mailstead::router
