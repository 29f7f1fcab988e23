// What "deliver" and "redirect" share: recipients as templates, and "copy".
#pragma once

#include <vector>

#include "router/template.h"

namespace mailstead::router {

// One address or a list; each may hold variables. A fixed one must be a recipient of that form.
[[nodiscard]] std::vector<Template> compile_addresses(const nlohmann::json& value, RecipientForm form,
                                                      Compiler& compiler);
[[nodiscard]] bool compile_copy(const nlohmann::json& object, Compiler& compiler);
// What is wrong with a folder as the user wrote it, or "".
[[nodiscard]] std::string fault_of_written_folder(const Template& folder);

}  // namespace mailstead::router
