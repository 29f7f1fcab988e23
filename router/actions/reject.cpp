// An action of the language that is refused, since it cannot be done well for mail that is fetched.
#include "router/actions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {

// A message is refused in the SMTP transaction that brings it (RFC 5429). That one is long over.
std::unique_ptr<Action> make_reject(const nlohmann::json& /*object*/, Compiler& compiler) {
  auto at = compiler.step("reject");
  compiler.problem(
      "mail that is fetched cannot be rejected: its server has accepted it, and a rejection of ours would be new mail "
      "to "
      "whoever the message names as its sender, who is mostly forged (backscatter)",
      "\"discard\" it, or deliver it into a folder of its own");
  return nullptr;
}

}  // namespace mailstead::router
