// What another process may ask of the running agent, and what the same command does by itself when no agent runs.
//
// A request is one JSON object, {"do": NAME, …}; so is the answer: {"ok": true, …} or {"ok": false, "error": TEXT}.
// One implementation serves both: over the control socket (agent/control/socket.h) and in the command's own process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/config/config.h"
#include "connectors/retrieval.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent::control {

// What a request acts on. The functions are empty where no agent runs.
struct Room {
  storage::Store& store;
  const mail::Clock& clock;
  // "" all; false: no such account
  std::function<bool(const std::string&, const retrieval::PollOptions&)> poll_now;
  std::function<void()> kick_queue;
  std::function<void(nlohmann::json&)> describe;  // adds listeners, uptime, … of the running agent
  // Signed-in sessions whose password is no longer good: a user's own, one app password's, or all of a user.
  std::function<void(const std::string& user, const std::optional<std::string>& app_password)> end_sessions = {};
  std::shared_ptr<const Config> config = nullptr;  // in force; without it nothing in quarantine gets into a mailbox
};

// What those accounts (none named: all) left on the server is tried again at their next poll.
void forget_skipped(storage::Store& store, std::vector<std::string> accounts);

// Never throws for a bad request or a failed store: that is in the answer.
[[nodiscard]] nlohmann::json handle(const nlohmann::json& request, const Room& room);

}  // namespace mailstead::agent::control
