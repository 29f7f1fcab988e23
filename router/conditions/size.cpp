// {"size": {"over"/"under": "10KB"}}: of the whole message, in octets as received.
#include "mail/units.h"
#include "router/bounds.h"
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class SizeTest final : public Condition {
 public:
  explicit SizeTest(SizeBounds bounds) : bounds_(bounds) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    mail::ByteCount size = evaluation.subject().facts.size;
    if (evaluation.traces()) evaluation.saw(mail::format_size(size));
    return bounds_.hold(size);
  }
  std::string text() const override { return "size " + bounds_.text(); }

 private:
  SizeBounds bounds_;
};

}  // namespace

std::unique_ptr<Condition> make_size_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("size");
  auto bounds = SizeBounds::compile(*object.find("size"), compiler);
  return bounds ? std::make_unique<SizeTest>(*bounds) : nullptr;
}

}  // namespace mailstead::router
