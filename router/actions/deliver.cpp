// {"deliver": DESTINATION, "folder": TEMPLATE, "to": TEMPLATE or [TEMPLATES], "copy": true}
//
// A folder that comes out unusable falls back to the destination's own, recipients to the destination's own: the
// message is delivered in any case, and the history says what was done instead.
#include "router/actions/kinds.h"
#include "router/recipients.h"
#include "router/template.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class Deliver final : public Action {
 public:
  Deliver(std::string destination, std::optional<Template> folder, std::vector<Template> to, RecipientForm form,
          bool copy)
      : destination_(std::move(destination)),
        folder_(std::move(folder)),
        to_(std::move(to)),
        form_(form),
        copy_(copy) {}

  void run(Walk& walk) const override {
    std::string folder = folder_for(walk);
    std::vector<std::string> to = recipients_for(walk);
    if (walk.done != nullptr) walk.report(text(folder, to));
    walk.deliver(destination_, std::move(folder), std::move(to));
  }
  Effect effect() const noexcept override { return copy_ ? Effect::kCopies : Effect::kSettles; }

 private:
  [[nodiscard]] std::string folder_for(Walk& walk) const {
    if (!folder_) return {};
    std::string why;
    if (auto folder = folder_->folder(walk.evaluation, why)) return *folder;
    walk.evaluation.note("rule " + in_quotes(walk.rule) + ": " + why + "; the folder of " + in_quotes(destination_) +
                         " was used instead");
    return {};
  }

  [[nodiscard]] std::vector<std::string> recipients_for(Walk& walk) const {
    std::vector<std::string> to;
    for (const Template& one : to_) {
      auto addresses = one.addresses(walk.evaluation, form_);
      to.insert(to.end(), addresses.begin(), addresses.end());
      if (addresses.empty()) {
        walk.evaluation.note("rule " + in_quotes(walk.rule) + ": the recipient " + in_quotes(one.written()) +
                             " gave no address and was left out");
      }
    }
    if (to.empty() && !to_.empty())
      walk.evaluation.note("rule " + in_quotes(walk.rule) + ": the recipients of " + in_quotes(destination_) +
                           " were used instead");
    return to;
  }

  [[nodiscard]] std::string text(const std::string& folder, const std::vector<std::string>& to) const {
    std::string out = copy_ ? "deliver a copy to " + destination_ : "deliver to " + destination_;
    if (!folder.empty()) out += ", folder " + in_quotes(folder);
    for (const std::string& address : to) out += ", to " + in_quotes(address);
    return out;
  }

  std::string destination_;
  std::optional<Template> folder_;
  std::vector<Template> to_;
  RecipientForm form_;
  bool copy_;
};

std::string compile_deliver(const nlohmann::json& value, Compiler& compiler) {
  auto at = compiler.step("deliver");
  return compile_destination(value, compiler);
}

std::optional<Template> compile_folder_of(const std::string& destination, const nlohmann::json& value,
                                          Compiler& compiler) {
  auto at = compiler.step("folder");
  if (compiler.context().without_folder.contains(destination))
    compiler.problem("the destination " + in_quotes(destination) + " has no folders");
  return compile_folder(value, compiler);
}

std::vector<Template> compile_recipients(const nlohmann::json& value, const std::string& destination,
                                         RecipientForm form, Compiler& compiler) {
  auto at = compiler.step("to");
  if (compiler.context().without_recipients.contains(destination))
    compiler.problem("the destination " + in_quotes(destination) + " has no recipients");
  return compile_addresses(value, form, compiler);
}

}  // namespace

std::unique_ptr<Action> make_deliver(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  std::string destination = compile_deliver(*object.find("deliver"), compiler);
  std::optional<Template> folder;
  std::vector<Template> to;
  const RecipientForm form = compiler.context().with_user_names.contains(destination) ? RecipientForm::kAddressOrUser
                                                                                      : RecipientForm::kAddress;
  if (auto found = object.find("folder"); found != object.end())
    folder = compile_folder_of(destination, *found, compiler);
  if (auto found = object.find("to"); found != object.end())
    to = compile_recipients(*found, destination, form, compiler);
  bool copy = compile_copy(object, compiler);
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<Deliver>(std::move(destination), std::move(folder), std::move(to), form, copy);
}

}  // namespace mailstead::router
