#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/server/describe.h"
#include "mail/ascii.h"

namespace mailstead::imap {
namespace {

using mail::Part;
using Parameters = std::vector<std::pair<std::string, std::string>>;

void append_or_nil(std::string& out, std::string_view value) {
  if (value.empty()) {
    out += "NIL";
  } else {
    append_string(out, value);
  }
}

void append_parameters(std::string& out, const Parameters& parameters) {
  if (parameters.empty()) {
    out += "NIL";
    return;
  }
  char before = '(';
  for (const auto& [name, value] : parameters) {
    out += before;
    append_string(out, name);
    out += ' ';
    append_string(out, value);
    before = ' ';
  }
  out += ')';
}

void append_disposition(std::string& out, const Part& part) {
  if (part.disposition.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  append_string(out, part.disposition);
  out += ' ';
  append_parameters(out, part.disposition_parameters);
  out += ')';
}

// body-fld-lang: one string or a list of them ("en, de").
void append_language(std::string& out, std::string_view value) {
  if (value.find(',') == std::string_view::npos) return append_or_nil(out, mail::trim(value));
  std::string list;
  while (!value.empty()) {
    std::size_t comma = std::min(value.find(','), value.size());
    std::string_view word = mail::trim(value.substr(0, comma));
    value.remove_prefix(std::min(comma + 1, value.size()));
    if (word.empty()) continue;
    list += list.empty() ? '(' : ' ';
    append_string(list, word);
  }
  out += list.empty() ? "NIL" : list + ")";
}

void append_tail(std::string& out, const Part& part) {
  out += ' ';
  append_disposition(out, part);
  out += ' ';
  append_language(out, part.language);
  out += ' ';
  append_or_nil(out, part.location);
}

bool carries_message(const Part& part) {
  return part.is_message() && (part.subtype == "rfc822" || part.subtype == "global");
}

void append_multipart(std::string& out, const Part& part, bool extended) {
  out += '(';
  for (const Part& child : part.children) append_body(out, child, extended);
  // The grammar wants a child; a multipart without is shown with one that is empty.
  if (part.children.empty()) out += R"(("text" "plain" NIL NIL NIL "7bit" 0 0))";
  out += ' ';
  append_string(out, part.subtype);
  if (extended) {
    out += ' ';
    append_parameters(out, part.parameters);
    append_tail(out, part);
  }
  out += ')';
}

void append_single(std::string& out, const Part& part, bool extended) {
  // A message/rfc822 whose inside was not looked into (limits) must not promise an envelope.
  bool opaque = part.type == "message" && part.subtype == "rfc822" && part.children.empty();
  out += '(';
  append_string(out, opaque ? "application" : part.type);
  out += ' ';
  append_string(out, opaque ? "octet-stream" : part.subtype);
  out += ' ';
  append_parameters(out, part.parameters);
  out += ' ';
  append_or_nil(out, part.id);
  out += ' ';
  append_or_nil(out, part.description);
  out += ' ';
  append_string(out, part.encoding.empty() ? "7bit" : part.encoding);
  out += ' ' + std::to_string(part.body_size);
  if (carries_message(part)) {
    const Part& inner = part.children.front();
    out += ' ';
    append_envelope(out, inner.envelope.value_or(mail::Envelope{}));
    out += ' ';
    append_body(out, inner, extended);
  }
  if (part.type == "text" || carries_message(part)) out += ' ' + std::to_string(part.lines);
  if (extended) {
    out += ' ';
    append_or_nil(out, part.md5);
    append_tail(out, part);
  }
  out += ')';
}

}  // namespace

void append_body(std::string& out, const Part& part, bool extended) {
  if (part.is_multipart()) {
    append_multipart(out, part, extended);
  } else {
    append_single(out, part, extended);
  }
}

}  // namespace mailstead::imap
