#include "mail/searched_text.h"

#include <algorithm>

#include "mail/charset.h"
#include "mail/header.h"
#include "mail/transfer_encoding.h"

namespace mailstead::mail {
namespace {

std::string_view charset_of(const Part& part) {
  for (const auto& [name, value] : part.parameters) {
    if (name == "charset") return value;
  }
  return "";
}

bool visit_text_part(const Part& part, const OctetReader& read, const TextVisitor& visit) {
  std::string bytes = read(part.body_offset, std::min(part.body_size, kSearchedPerPart));
  std::string decoded = decode(bytes, transfer_encoding(part.encoding));
  std::string_view charset = charset_of(part);
  return visit(charset.empty() ? guess_utf8(decoded) : to_utf8(decoded, charset));
}

}  // namespace

bool visit_header(ByteCount offset, ByteCount size, const OctetReader& read, const TextVisitor& visit) {
  std::string bytes = read(offset, std::min(size, kSearchedHeader));
  HeaderBlock block = HeaderBlock::parse(bytes);
  return std::any_of(block.fields().begin(), block.fields().end(), [&](const HeaderField& field) {
    return visit(std::string(field.name) + ": " + decoded_value(field));
  });
}

bool visit_body(const Part& part, const OctetReader& read, const TextVisitor& visit) {
  if (part.is_message()) {
    const Part& inner = part.children.front();
    return visit_header(inner.header_offset, inner.body_offset - inner.header_offset, read, visit) ||
           visit_body(inner, read, visit);
  }
  if (part.is_multipart()) {
    return std::any_of(part.children.begin(), part.children.end(),
                       [&](const Part& child) { return visit_body(child, read, visit); });
  }
  return part.type == "text" && visit_text_part(part, read, visit);
}

bool visit_texts(const Part& root, const OctetReader& read, const TextVisitor& visit) {
  return visit_header(0, root.body_offset, read, visit) || visit_body(root, read, visit);
}

}  // namespace mailstead::mail
