#include "agent/commands/ask.h"

#include "agent/commands/command.h"
#include "agent/control/requests.h"
#include "agent/control/socket.h"

#include <nlohmann/json.hpp>

namespace mailstead::agent {

nlohmann::json ask_or_do(const Config& config, const nlohmann::json& request) {
  auto answer = control::ask(config.data_dir, request);
  if (!answer) {
    const auto store = open_to_write(config);
    const mail::SystemClock clock;
    answer = control::handle(request, {*store, clock, {}, {}, {}, {}, std::make_shared<const Config>(config)});
  }
  if (!answer->value("ok", false)) throw Refusal{"", answer->value("error", "refused"), "", kSomethingFailed};
  return *std::move(answer);
}

}  // namespace mailstead::agent
