// {"set_header": {NAME: TEMPLATE, …}}, {"add_header": {…}}, {"remove_header": NAME or [NAMES]}: for the deliveries that
// come after. Tests go on seeing the message as it was received.
#include "mail/header_edit.h"
#include "mail/header.h"
#include "router/actions/kinds.h"
#include "router/matcher.h"
#include "router/template.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

using Kind = mail::HeaderEdit::Kind;

struct Field {
  std::string name;
  Template value;
};

class WriteHeader final : public Action {
 public:
  WriteHeader(Kind kind, std::vector<Field> fields) : kind_(kind), fields_(std::move(fields)) {}

  void run(Walk& walk) const override {
    for (const Field& field : fields_) {
      std::string value = field.value.line(walk.evaluation);
      if (walk.done != nullptr)
        walk.report((kind_ == Kind::kSet ? "set header " : "add header ") + field.name + ": " + in_quotes(value));
      walk.decision.edits.push_back({kind_, field.name, std::move(value)});
    }
  }

 private:
  Kind kind_;
  std::vector<Field> fields_;
};

class RemoveHeader final : public Action {
 public:
  explicit RemoveHeader(std::vector<std::string> names) : names_(std::move(names)) {}

  void run(Walk& walk) const override {
    for (const std::string& name : names_) walk.decision.edits.push_back({Kind::kRemove, name, {}});
    if (walk.done != nullptr) walk.report("remove header " + listed(names_));
  }

 private:
  std::vector<std::string> names_;
};

void check_name(const std::string& name, Compiler& compiler) {
  if (!mail::is_field_name(name)) compiler.problem(in_quotes(name) + " is no name of a header field");
}

std::unique_ptr<Action> make_write(Kind kind, std::string_view key, const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  auto at = compiler.step(key);
  const nlohmann::json& value = *object.find(key);
  if (!compiler.is_object(value, "what to write into the header")) return nullptr;
  if (value.empty()) compiler.problem("names no header field", R"(write {"X-Name": "value"})");
  std::vector<Field> fields;
  for (const auto& [name, text] : value.items()) {
    auto at_field = compiler.step(name);
    check_name(name, compiler);
    if (text.is_string() && text.get_ref<const std::string&>().empty()) {
      compiler.problem("is empty", kind == Kind::kSet ? "\"remove_header\" takes a field away" : "");
      continue;
    }
    auto written = compiler.text(text);
    if (!written) continue;
    if (auto made = Template::compile(*written, compiler)) fields.push_back({name, std::move(*made)});
  }
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<WriteHeader>(kind, std::move(fields));
}

}  // namespace

std::unique_ptr<Action> make_set_header(const nlohmann::json& object, Compiler& compiler) {
  return make_write(Kind::kSet, "set_header", object, compiler);
}

std::unique_ptr<Action> make_add_header(const nlohmann::json& object, Compiler& compiler) {
  return make_write(Kind::kAdd, "add_header", object, compiler);
}

std::unique_ptr<Action> make_remove_header(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  auto at = compiler.step("remove_header");
  const nlohmann::json& value = *object.find("remove_header");
  std::vector<std::string> names = compiler.texts(value);
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto at_item = compiler.item(value, i);
    check_name(names[i], compiler);
  }
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<RemoveHeader>(std::move(names));
}

}  // namespace mailstead::router
