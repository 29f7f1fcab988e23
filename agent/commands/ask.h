// Hands a request to the running agent, or carries it out here when none runs (agent/control/requests.h).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "agent/config/config.h"

namespace mailstead::agent {

// The answer of a request that was granted. Throws Refusal (status 1) with the reason of one that was not.
[[nodiscard]] nlohmann::json ask_or_do(const Config& config, const nlohmann::json& request);

}  // namespace mailstead::agent
