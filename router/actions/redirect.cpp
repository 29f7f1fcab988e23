// {"redirect": ADDRESS or [ADDRESSES], "copy": true}: sent on to other addresses, by the destination that carries
// redirects.
#include "router/actions/kinds.h"
#include "router/matcher.h"
#include "router/recipients.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class Redirect final : public Action {
 public:
  Redirect(std::vector<Template> to, bool copy) : to_(std::move(to)), copy_(copy) {}

  void run(Walk& walk) const override {
    std::vector<std::string> to;
    for (const Template& one : to_) {
      auto addresses = one.addresses(walk.evaluation, RecipientForm::kAddress);
      to.insert(to.end(), addresses.begin(), addresses.end());
      if (addresses.empty()) {
        walk.evaluation.note("rule " + in_quotes(walk.rule) + ": " + in_quotes(one.written()) +
                             " gave no address; nothing was redirected to it");
      }
    }
    if (to.empty()) return;
    walk.report(std::string(copy_ ? "redirect a copy to " : "redirect to ") + listed(to));
    walk.deliver({}, {}, std::move(to));
  }
  Effect effect() const noexcept override { return copy_ ? Effect::kCopies : Effect::kSettles; }

 private:
  std::vector<Template> to_;
  bool copy_;
};

}  // namespace

std::unique_ptr<Action> make_redirect(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  bool copy = compile_copy(object, compiler);
  auto at = compiler.step("redirect");
  if (!compiler.context().can_redirect)
    compiler.problem("nothing can carry a redirect", "add a destination of type smtp");
  std::vector<Template> to = compile_addresses(*object.find("redirect"), RecipientForm::kAddress, compiler);
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<Redirect>(std::move(to), copy);
}

}  // namespace mailstead::router
