// {"raw": {OP: …}}: the message as it came, header and all, undecoded.
#include "router/conditions/kinds.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class RawTest final : public Condition {
 public:
  explicit RawTest(std::unique_ptr<Matcher> matcher) : matcher_(std::move(matcher)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    return matcher_->fits_any(std::span(&evaluation.raw(), 1), evaluation);
  }
  std::string text() const override { return "raw " + matcher_->text(); }

 private:
  std::unique_ptr<Matcher> matcher_;
};

}  // namespace

std::unique_ptr<Condition> make_raw_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("raw");
  const nlohmann::json& value = *object.find("raw");
  if (!compiler.is_object(value, "what to compare the message with")) return nullptr;
  compiler.check_keys(value, keys_inside("body"), "a \"raw\" test");
  compiler.facts().needs_body = true;
  auto matcher = Matcher::compile(value, compiler);
  return matcher ? std::make_unique<RawTest>(std::move(matcher)) : nullptr;
}

}  // namespace mailstead::router
