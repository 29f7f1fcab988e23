#include "router/body_text.h"

#include "mail/structure.h"
#include "mail/unicode.h"

#include <algorithm>

namespace mailstead::router {
namespace {

void collect(const mail::Part& part, std::vector<const mail::Part*>& into) {
  for (const mail::Part& child : part.children)
    if (!part.is_message()) collect(child, into);
  if (part.type == "text" && part.disposition != "attachment") into.push_back(&part);
}

}  // namespace

std::string decoded_body_text(const Subject& subject, std::size_t limit, bool& whole) {
  std::vector<const mail::Part*> parts;
  collect(subject.facts.structure, parts);
  std::string out;
  whole = true;
  for (const mail::Part* part : parts) {
    if (out.size() >= limit) {
      whole = false;
      break;
    }
    // Base64 of n octets takes 4n/3 and line ends; more than twice the room left is never needed.
    auto wanted = std::min<mail::ByteCount>(part->body_size, 2 * (limit - out.size()));
    if (wanted < part->body_size) whole = false;
    std::string bytes = mail::read_range(subject.content, part->body_offset, wanted);
    out += mail::decoded_body(*part, bytes);
    out += '\n';
  }
  if (out.size() > limit) {
    whole = false;
    out.resize(mail::cut(out, limit).size());
  }
  return out;
}

}  // namespace mailstead::router
