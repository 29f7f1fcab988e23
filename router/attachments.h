// The attachments of a message, and which of them a rule means: by "name", "type" (globs) and "size" as encoded. An
// attachment is a leaf part that says so (Content-Disposition) or has a file name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mail/structure.h"
#include "router/bounds.h"
#include "router/compiler.h"
#include "router/evaluation.h"
#include "router/matcher.h"

namespace mailstead::router {

struct Attachment {
  const mail::Part* part = nullptr;  // lives as long as the structure
  Value name, type;                  // decoded; "application/pdf"
};
[[nodiscard]] std::vector<Attachment> attachments_of(const mail::Part& root);

class AttachmentPattern {
 public:
  // Of those keys that are there; all must apply. nullopt after a problem.
  [[nodiscard]] static std::optional<AttachmentPattern> compile(const nlohmann::json& object, Compiler& compiler);
  [[nodiscard]] bool fits(Attachment& attachment) const;
  // ` name "*.pdf" type …`, "" for any.
  [[nodiscard]] std::string text() const;

 private:
  std::optional<GlobSet> name_, type_;
  std::optional<SizeBounds> size_;
};

}  // namespace mailstead::router
