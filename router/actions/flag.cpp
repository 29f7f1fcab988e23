// {"flag": …}, {"unflag": …}: flags of the deliveries that come after; one name or a list.
#include "router/actions/kinds.h"
#include "router/flag_names.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class ChangeFlags final : public Action {
 public:
  ChangeFlags(bool add, std::vector<std::string> names) : add_(add), names_(std::move(names)) {}

  void run(Walk& walk) const override {
    for (const std::string& name : names_) {
      if (add_) {
        walk.flags.add(name);
      } else {
        walk.flags.remove(name);
      }
    }
    if (walk.done != nullptr) walk.report((add_ ? "flag " : "unflag ") + listed(names_));
  }

 private:
  bool add_;
  std::vector<std::string> names_;
};

std::unique_ptr<Action> make_change(bool add, std::string_view key, const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step(key);
  const nlohmann::json& value = *object.find(key);
  if (!compile_flags(value, compiler)) return nullptr;
  return std::make_unique<ChangeFlags>(add, compiler.texts(value));
}

}  // namespace

std::unique_ptr<Action> make_flag(const nlohmann::json& object, Compiler& compiler) {
  return make_change(true, "flag", object, compiler);
}

std::unique_ptr<Action> make_unflag(const nlohmann::json& object, Compiler& compiler) {
  return make_change(false, "unflag", object, compiler);
}

}  // namespace mailstead::router
