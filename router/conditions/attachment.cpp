// {"attachment": {"name": GLOB, "type": GLOB, "size": {"over"/"under"}}}: some attachment to which all of these apply.
// An attachment is a leaf part that says so (Content-Disposition) or has a file name. Sizes are as encoded.
#include "mail/structure.h"
#include "router/bounds.h"
#include "router/conditions/kinds.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class AttachmentTest final : public Condition {
 public:
  AttachmentTest(std::optional<GlobSet> name, std::optional<GlobSet> type, std::optional<SizeBounds> size)
      : name_(std::move(name)), type_(std::move(type)), size_(size) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    return any_fits(evaluation.subject().facts.structure, evaluation);
  }
  std::string text() const override {
    std::string out = "attachment";
    if (name_) out += " name " + listed(name_->patterns());
    if (type_) out += " type " + listed(type_->patterns());
    if (size_) out += " size " + size_->text();
    return out;
  }

 private:
  bool any_fits(const mail::Part& part, Evaluation& evaluation) const {
    if (part.is_multipart()) {
      for (const mail::Part& child : part.children)
        if (any_fits(child, evaluation)) return true;
      return false;
    }
    Value name(mail::file_name(part));
    if (part.disposition != "attachment" && name.text().empty()) return false;
    Value type(part.type + '/' + part.subtype);
    evaluation.saw(name.text() + " (" + type.text() + ')');
    return (!name_ || name_->fits(name)) && (!type_ || type_->fits(type)) && (!size_ || size_->hold(part.body_size));
  }

  std::optional<GlobSet> name_, type_;
  std::optional<SizeBounds> size_;
};

std::optional<GlobSet> globs_at(const nlohmann::json& object, std::string_view key, Compiler& compiler) {
  auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  auto at = compiler.step(key);
  return GlobSet::compile(*found, false, compiler);
}

}  // namespace

std::unique_ptr<Condition> make_attachment_test(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  auto at = compiler.step("attachment");
  const nlohmann::json& value = *object.find("attachment");
  if (!compiler.is_object(value, "what an attachment must be like")) return nullptr;
  compiler.check_keys(value, keys_inside("attachment"), "an \"attachment\" test");
  if (value.empty()) compiler.problem("says nothing of the attachment", R"(for any at all write {"name": "*"})");
  compiler.facts().needs_body = true;
  auto name = globs_at(value, "name", compiler);
  auto type = globs_at(value, "type", compiler);
  std::optional<SizeBounds> size;
  if (auto found = value.find("size"); found != value.end()) {
    auto at_size = compiler.step("size");
    size = SizeBounds::compile(*found, compiler);
  }
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<AttachmentTest>(std::move(name), std::move(type), size);
}

}  // namespace mailstead::router
