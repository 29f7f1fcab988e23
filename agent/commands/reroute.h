// What the rules would put elsewhere, of the mail that is kept.
#pragma once

#include <string>

#include "agent/config/config.h"

namespace mailstead::agent {

// `mailstead route --against USER[/FOLDER]`: shown, nothing is changed. The exit status.
[[nodiscard]] int route_against(const Config& config, const std::string& target, bool as_json);

}  // namespace mailstead::agent
