// What actions share: destinations, recipients and folders as templates, and "copy".
#pragma once

#include <vector>

#include "router/template.h"

namespace mailstead::router {

// One address or a list; each may hold variables. A fixed one must be a recipient of that form.
[[nodiscard]] std::vector<Template> compile_addresses(const nlohmann::json& value, RecipientForm form,
                                                      Compiler& compiler);
[[nodiscard]] bool compile_copy(const nlohmann::json& object, Compiler& compiler);
// The name of one that exists; "" after a problem.
[[nodiscard]] std::string compile_destination(const nlohmann::json& value, Compiler& compiler);
// nullopt after a problem.
[[nodiscard]] std::optional<Template> compile_folder(const nlohmann::json& value, Compiler& compiler);

}  // namespace mailstead::router
