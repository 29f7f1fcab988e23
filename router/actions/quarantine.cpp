// {"quarantine": TEMPLATE, "for": DESTINATION}: the message is kept in the queue for that destination, the default one
// unless another is named, and not delivered until its user releases it by number. The text is the reason. It ends the
// walk.
#include "mail/escape.h"
#include "router/actions/kinds.h"
#include "router/recipients.h"
#include "router/template.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class Quarantine final : public Action {
 public:
  Quarantine(std::string destination, Template reason)
      : destination_(std::move(destination)), reason_(std::move(reason)) {}

  void run(Walk& walk) const override {
    std::string reason = mail::printable(reason_.line(walk.evaluation), kMaxReason);
    if (reason.empty()) reason = "no reason";
    const std::size_t before = walk.decision.deliveries.size();
    walk.deliver(destination_, {}, {});
    if (walk.decision.deliveries.size() == before) {
      walk.report("quarantine: " + destination_ + " has the message already");
      walk.evaluation.note("rule " + in_quotes(walk.rule) + ": nothing is held, for an earlier rule has delivered to " +
                           in_quotes(destination_));
      return;
    }
    walk.report("quarantine for " + destination_ + ": " + reason);
    walk.decision.deliveries.back().quarantine = std::move(reason);
  }
  Effect effect() const noexcept override { return Effect::kHolds; }

 private:
  static constexpr std::size_t kMaxReason = 500;
  std::string destination_;
  Template reason_;
};

}  // namespace

std::unique_ptr<Action> make_quarantine(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  std::string destination = compiler.context().default_destination;
  if (auto found = object.find("for"); found != object.end()) {
    auto at = compiler.step("for");
    destination = compile_destination(*found, compiler);
  } else if (destination.empty()) {
    compiler.problem("there is no default destination to keep it for", "name one by \"for\"");
  }
  auto at = compiler.step("quarantine");
  auto written = compiler.text(*object.find("quarantine"));
  if (!written) return nullptr;
  auto reason = Template::compile(*written, compiler);
  if (!reason || compiler.problems() != before) return nullptr;
  return std::make_unique<Quarantine>(std::move(destination), std::move(*reason));
}

}  // namespace mailstead::router
