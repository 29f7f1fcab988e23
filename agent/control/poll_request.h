// "Poll now", as the command line says it and as it travels to the running agent.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "connectors/retrieval.h"

namespace mailstead::agent::control {

struct PollRequest {
  std::vector<std::string> accounts;  // empty: all
  retrieval::PollOptions options;     // dry_run does not travel: whoever asks does it himself
  bool retry_skipped = false;         // forget first which messages were left on the server
};

[[nodiscard]] nlohmann::json to_json(const PollRequest& request);
// Throws nlohmann::json::exception for one that is malformed.
[[nodiscard]] PollRequest read_poll_request(const nlohmann::json& request);

}  // namespace mailstead::agent::control
