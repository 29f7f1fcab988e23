// Flags and keywords as rules write them: "\\Seen", "$Junk", or a list of such.
#pragma once

#include <optional>

#include "mail/flags.h"
#include "router/compiler.h"

namespace mailstead::router {

// nullopt after a problem.
[[nodiscard]] std::optional<mail::Flags> compile_flags(const nlohmann::json& value, Compiler& compiler);

}  // namespace mailstead::router
