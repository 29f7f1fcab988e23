#include "connectors/imap/server/body_section.h"

#include <algorithm>

#include "mail/header.h"

namespace mailstead::imap {
namespace {

using mail::Part;
using Text = Section::Text;

// Part numbers count the children of a multipart; the one part of a message without is 1.
const Part* child_of(const Part& container, std::uint32_t number) {
  if (container.is_multipart() && !container.children.empty())
    return number <= container.children.size() ? &container.children[number - 1] : nullptr;
  return number == 1 ? &container : nullptr;
}

const Part* find_part(const Part& root, const std::vector<std::uint32_t>& path) {
  const Part* part = child_of(root, path.front());
  for (std::size_t i = 1; i < path.size() && part != nullptr; ++i) {
    if (part->is_message()) {
      part = child_of(part->children.front(), path[i]);
    } else if (part->is_multipart() && !part->children.empty()) {
      part = child_of(*part, path[i]);
    } else {
      part = nullptr;
    }
  }
  return part;
}

ByteRange header_of(const Part& part) {
  return {part.header_offset, part.body_offset - part.header_offset};
}

}  // namespace

std::optional<ByteRange> find_section(const Part& root, mail::ByteCount message_size, const Section& section) {
  const Part* part = &root;
  if (section.path.empty()) {
    switch (section.text) {
      case Text::kAll: return ByteRange{0, message_size};
      case Text::kText: return ByteRange{root.body_offset, message_size - std::min(message_size, root.body_offset)};
      default: return ByteRange{0, std::min(message_size, root.body_offset)};
    }
  }
  part = find_part(root, section.path);
  if (part == nullptr) return std::nullopt;
  switch (section.text) {
    case Text::kAll: return ByteRange{part->body_offset, part->body_size};
    case Text::kMime: return header_of(*part);
    default: break;
  }
  // HEADER and TEXT of a part are those of the message inside it.
  if (!part->is_message()) return std::nullopt;
  const Part& inner = part->children.front();
  if (section.text == Text::kText) return ByteRange{inner.body_offset, inner.body_size};
  return header_of(inner);
}

std::string select_fields(std::string_view header, const Section& section) {
  mail::HeaderBlock block = mail::HeaderBlock::parse(header);
  bool wanted_if_named = section.text == Text::kHeaderFields;
  std::string selected;
  for (const auto& field : block.fields()) {
    bool named = std::any_of(section.fields.begin(), section.fields.end(),
                             [&](const std::string& name) { return mail::iequals(name, field.name); });
    if (named == wanted_if_named) selected += field.raw;
  }
  return selected + "\r\n";
}

}  // namespace mailstead::imap
