#include "router/recipients.h"

#include "router/folder_name.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {

std::vector<Template> compile_addresses(const nlohmann::json& value, RecipientForm form, Compiler& compiler) {
  std::vector<Template> made;
  std::vector<std::string> written = compiler.texts(value);
  for (std::size_t i = 0; i < written.size(); ++i) {
    auto at = compiler.item(value, i);
    auto one = Template::compile(written[i], compiler);
    if (!one) continue;
    if (one->is_fixed() && !is_recipient(written[i], form))
      compiler.problem(in_quotes(written[i]) + " is no mail address",
                       form == RecipientForm::kAddress ? "write it as alice@example.org"
                                                       : "write it as alice@example.org, or alice alone");
    made.push_back(std::move(*one));
  }
  return made;
}

bool compile_copy(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("copy");
  if (found == object.end()) return false;
  auto at = compiler.step("copy");
  return compiler.boolean(*found).value_or(false);
}

std::string compile_destination(const nlohmann::json& value, Compiler& compiler) {
  auto name = compiler.text(value);
  if (!name) return {};
  const auto& known = compiler.context().destinations;
  if (known.contains(*name)) return *name;
  std::string hint = did_you_mean(*name, known);
  compiler.problem("there is no destination " + in_quotes(*name), hint);
  return {};
}

std::optional<Template> compile_folder(const nlohmann::json& value, Compiler& compiler) {
  auto text = compiler.text(value);
  if (!text) return std::nullopt;
  auto made = Template::compile(*text, compiler);
  if (made && made->is_fixed() && !safe_folder(made->written()))
    compiler.problem(in_quotes(made->written()) +
                     " is no name of a folder: levels are separated by \"/\", none is empty, \".\" or \"..\"");
  return made;
}

}  // namespace mailstead::router
