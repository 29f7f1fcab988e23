// {"notify": DESTINATION}: a web service is told of the message ("format": "notice" of a webhook), through the queue.
// It decides nothing about the message itself.
#include "router/actions/kinds.h"
#include "router/recipients.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class Notify final : public Action {
 public:
  explicit Notify(std::string destination) : destination_(std::move(destination)) {}

  void run(Walk& walk) const override {
    walk.report("notify " + destination_);
    walk.deliver(destination_, {}, {});
  }

 private:
  std::string destination_;
};

}  // namespace

std::unique_ptr<Action> make_notify(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  auto at = compiler.step("notify");
  std::string destination = compile_destination(*object.find("notify"), compiler);
  if (compiler.problems() != before) return nullptr;
  if (!compiler.context().notifying.contains(destination)) {
    compiler.problem(in_quotes(destination) + " is no web service that gets notices",
                     R"(write "type": "webhook" and "format": "notice", or "deliver" a copy to it)");
    return nullptr;
  }
  return std::make_unique<Notify>(std::move(destination));
}

}  // namespace mailstead::router
