// The keys of a program in a rule: the test or action's own ("command", "filter", "run"), "shell", "timeout", "user". A
// destination of type pipe has the same (agent/config/program_section.cpp).
#pragma once

#include <optional>
#include <string_view>

#include "mail/program.h"
#include "router/compiler.h"

namespace mailstead::router {

// nullopt after a problem.
[[nodiscard]] std::optional<mail::ProgramSettings> compile_program(const nlohmann::json& object, std::string_view key,
                                                                   Compiler& compiler);

}  // namespace mailstead::router
