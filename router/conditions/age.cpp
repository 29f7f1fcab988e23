// {"age": {"over"/"under": "30d"}}: time since the message arrived in the mailbox it was fetched from (its internal
// date), not what its Date field claims. A message from the future is of age 0.
#include "mail/units.h"
#include "router/bounds.h"
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::router {
namespace {

class AgeTest final : public Condition {
 public:
  explicit AgeTest(AgeBounds bounds) : bounds_(bounds) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    const Subject& subject = evaluation.subject();
    auto age = std::max(std::chrono::seconds(0), subject.now - subject.internal_date);
    if (evaluation.traces()) evaluation.saw(mail::format_duration(age));
    return bounds_.hold(age);
  }
  std::string text() const override { return "age " + bounds_.text(); }

 private:
  AgeBounds bounds_;
};

}  // namespace

std::unique_ptr<Condition> make_age_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("age");
  auto bounds = AgeBounds::compile(*object.find("age"), compiler);
  return bounds ? std::make_unique<AgeTest>(*bounds) : nullptr;
}

}  // namespace mailstead::router
