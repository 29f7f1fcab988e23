// {"attachment": {"name": GLOB, "type": GLOB, "size": {"over"/"under"}}}: some attachment to which all of these apply.
#include "router/attachments.h"
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class AttachmentTest final : public Condition {
 public:
  explicit AttachmentTest(AttachmentPattern pattern) : pattern_(std::move(pattern)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    for (Attachment& attachment : attachments_of(evaluation.subject().facts.structure)) {
      evaluation.saw(attachment.name.text() + " (" + attachment.type.text() + ')');
      if (pattern_.fits(attachment)) return true;
    }
    return false;
  }
  std::string text() const override { return "attachment" + pattern_.text(); }

 private:
  AttachmentPattern pattern_;
};

}  // namespace

std::unique_ptr<Condition> make_attachment_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("attachment");
  const nlohmann::json& value = *object.find("attachment");
  if (!compiler.is_object(value, "what an attachment must be like")) return nullptr;
  const std::size_t before = compiler.problems();
  compiler.check_keys(value, keys_inside("attachment"), "an \"attachment\" test");
  if (value.empty()) compiler.problem("says nothing of the attachment", R"(for any at all write {"name": "*"})");
  auto pattern = AttachmentPattern::compile(value, compiler);
  if (!pattern || compiler.problems() != before) return nullptr;
  return std::make_unique<AttachmentTest>(std::move(*pattern));
}

}  // namespace mailstead::router
