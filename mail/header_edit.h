// Changes to a header block; the body is never touched.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "mail/content.h"

namespace mailstead::mail {

struct HeaderEdit {
  enum class Kind { kAdd, kSet, kRemove };  // kAdd: in front of all; kSet: removes every such field, then adds
  Kind kind = Kind::kAdd;
  std::string name;
  std::string value;  // UTF-8; unused for kRemove
  bool operator==(const HeaderEdit&) const = default;
};

// The header block with the edits applied in order; fields that are not named keep their bytes. A message without a
// header gets one, with its blank line. Line ends follow the block's own first line (CRLF when there is none).
[[nodiscard]] std::string apply_edits(std::string_view header_bytes, std::span<const HeaderEdit> edits);

// The same over a whole message; the body is shared, not copied.
[[nodiscard]] std::shared_ptr<const Content> apply_edits(std::shared_ptr<const Content> message, ByteCount header_size,
                                                         std::span<const HeaderEdit> edits);

}  // namespace mailstead::mail
