#include "agent/control/poll_request.h"

#include <nlohmann/json.hpp>

namespace mailstead::agent::control {

using nlohmann::json;

json to_json(const PollRequest& request) {
  json made{{"do", "poll"},
            {"accounts", request.accounts},
            {"limit", request.options.limit},
            {"mark_retrieved", request.options.mark_retrieved},
            {"folders", request.options.folders},
            {"retry_skipped", request.retry_skipped}};
  if (request.options.since) made["since"] = request.options.since->time_since_epoch().count();
  return made;
}

PollRequest read_poll_request(const json& request) {
  PollRequest made;
  made.accounts = request.value("accounts", std::vector<std::string>{});
  made.retry_skipped = request.value("retry_skipped", false);
  made.options.limit = request.value("limit", std::uint32_t{0});
  made.options.mark_retrieved = request.value("mark_retrieved", false);
  made.options.folders = request.value("folders", std::vector<std::string>{});
  if (request.contains("since"))
    made.options.since = mail::WallTime(std::chrono::seconds(request.at("since").get<std::int64_t>()));
  return made;
}

}  // namespace mailstead::agent::control
