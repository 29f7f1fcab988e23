// {"body": {OP: …}}: the decoded text of the text parts, as one value.
#include "router/conditions/kinds.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class BodyTest final : public Condition {
 public:
  explicit BodyTest(std::unique_ptr<Matcher> matcher) : matcher_(std::move(matcher)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    return matcher_->fits_any(std::span(&evaluation.body_text(), 1), evaluation);
  }
  std::string text() const override { return "body " + matcher_->text(); }

 private:
  std::unique_ptr<Matcher> matcher_;
};

}  // namespace

std::unique_ptr<Condition> make_body_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("body");
  const nlohmann::json& value = *object.find("body");
  if (!compiler.is_object(value, "what to compare the body with")) return nullptr;
  compiler.check_keys(value, keys_inside("body"), "a \"body\" test");
  compiler.facts().needs_body = true;
  auto matcher = Matcher::compile(value, compiler);
  return matcher ? std::make_unique<BodyTest>(std::move(matcher)) : nullptr;
}

}  // namespace mailstead::router
