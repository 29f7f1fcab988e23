#include "router/attachments.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

void collect(const mail::Part& part, std::vector<Attachment>& into) {
  if (part.is_multipart()) {
    for (const mail::Part& child : part.children) collect(child, into);
    return;
  }
  std::string name = mail::file_name(part);
  if (part.disposition != "attachment" && name.empty()) return;
  into.push_back({&part, Value(std::move(name)), Value(part.type + '/' + part.subtype)});
}

std::optional<GlobSet> globs_at(const nlohmann::json& object, std::string_view key, Compiler& compiler) {
  auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  auto at = compiler.step(key);
  return GlobSet::compile(*found, false, compiler);
}

}  // namespace

std::vector<Attachment> attachments_of(const mail::Part& root) {
  std::vector<Attachment> found;
  collect(root, found);
  return found;
}

std::optional<AttachmentPattern> AttachmentPattern::compile(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  AttachmentPattern made;
  compiler.facts().needs_body = true;
  made.name_ = globs_at(object, "name", compiler);
  made.type_ = globs_at(object, "type", compiler);
  if (auto found = object.find("size"); found != object.end()) {
    auto at_size = compiler.step("size");
    made.size_ = SizeBounds::compile(*found, compiler);
  }
  if (compiler.problems() != before) return std::nullopt;
  return made;
}

bool AttachmentPattern::fits(Attachment& attachment) const {
  return (!name_ || name_->fits(attachment.name)) && (!type_ || type_->fits(attachment.type)) &&
         (!size_ || size_->hold(attachment.part->body_size));
}

std::string AttachmentPattern::text() const {
  std::string out;
  if (name_) out += " name " + listed(name_->patterns());
  if (type_) out += " type " + listed(type_->patterns());
  if (size_) out += " size " + size_->text();
  return out;
}

}  // namespace mailstead::router
