#include "mail/part_header.h"

#include <utility>

#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/charset.h"
#include "mail/message_ids.h"
#include "mail/parameters.h"
#include "mail/transfer_encoding.h"

namespace mailstead::mail {
namespace {

void read_type(const HeaderField* field, bool in_digest, const ParseLimits& limits, Part& part) {
  if (field == nullptr) {
    if (in_digest) {
      part.type = "message";
      part.subtype = "rfc822";
    }
    return;
  }
  RawParameters raw = parse_raw_parameters(field->value, limits.rfc2231_parameters);
  part.parameters = std::move(raw.parameters);
  std::size_t slash = raw.value.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == raw.value.size()) return;  // text/plain, RFC 2045 §5.2
  part.type = raw.value.substr(0, slash);
  part.subtype = raw.value.substr(slash + 1);
}

std::string encoding_token(const HeaderField* field) {
  if (field == nullptr) return "7bit";
  std::string token = parse_raw_parameters(field->value, 0).value;
  return token.empty() ? "7bit" : token;
}

std::string text_of(const HeaderBlock& header, std::string_view name) {
  const HeaderField* field = header.first(name);
  return field != nullptr ? unfold(field->value) : std::string();
}

std::string joined_text(const HeaderBlock& header, std::string_view name) {
  std::string text;
  for (const HeaderField& field : header.fields()) {
    if (!iequals(field.name, name)) continue;
    if (!text.empty()) text.append(", ");
    text.append(unfold(field.value));
  }
  return text;
}

}  // namespace

void read_part_header(const HeaderBlock& header, bool in_digest, const ParseLimits& limits, Part& part) {
  read_type(header.first("Content-Type"), in_digest, limits, part);
  part.encoding = encoding_token(header.first("Content-Transfer-Encoding"));
  part.id = text_of(header, "Content-ID");
  part.description = text_of(header, "Content-Description");
  part.md5 = text_of(header, "Content-MD5");
  part.language = text_of(header, "Content-Language");
  part.location = text_of(header, "Content-Location");
  if (const HeaderField* field = header.first("Content-Disposition"); field != nullptr) {
    RawParameters raw = parse_raw_parameters(field->value, limits.rfc2231_parameters);
    part.disposition = std::move(raw.value);
    part.disposition_parameters = std::move(raw.parameters);
  }
}

std::string boundary_of(const Part& part, const ParseLimits& limits) {
  std::string boundary;
  for (const auto& [name, value] : part.parameters) {
    if (name == "boundary") {
      boundary = value;
      break;
    }
  }
  if (boundary.empty()) boundary = decoded_parameter(part.parameters, "boundary");
  // Blanks at the end of a delimiter line are not part of it (RFC 2046 §5.1.1).
  while (!boundary.empty() && is_space(boundary.back())) boundary.pop_back();
  return boundary.size() <= limits.boundary_length ? boundary : std::string();
}

bool holds_message(const Part& part) {
  if (part.type != "message" || (part.subtype != "rfc822" && part.subtype != "global")) return false;
  switch (transfer_encoding(part.encoding)) {
    case TransferEncoding::k7Bit:
    case TransferEncoding::k8Bit:
    case TransferEncoding::kBinary: return true;
    default: return false;
  }
}

Envelope read_envelope(const HeaderBlock& header) {
  Envelope envelope;
  envelope.date = text_of(header, "Date");
  envelope.subject = text_of(header, "Subject");
  envelope.from = joined_text(header, "From");
  envelope.sender = joined_text(header, "Sender");
  envelope.reply_to = joined_text(header, "Reply-To");
  envelope.to = joined_text(header, "To");
  envelope.cc = joined_text(header, "Cc");
  envelope.bcc = joined_text(header, "Bcc");
  envelope.in_reply_to = text_of(header, "In-Reply-To");
  envelope.message_id = text_of(header, "Message-ID");
  envelope.references = condensed_references(text_of(header, "References"));
  return envelope;
}

const Part* find_part(const Part& root, std::span<const std::uint32_t> numbers) noexcept {
  const Part* part = &root;
  const Part* container = &root;  // a multipart, or a message, whose parts the next number counts; else nullptr
  for (std::uint32_t number : numbers) {
    if (container == nullptr || number == 0) return nullptr;
    bool multipart = container->is_multipart();
    if (number > (multipart ? container->children.size() : 1)) return nullptr;
    part = multipart ? &container->children[number - 1] : container;  // a message of one part is its own part 1
    container = part->is_message() ? &part->children.front() : part->is_multipart() ? part : nullptr;
  }
  return part;
}

std::string file_name(const Part& part) {
  std::string name = decoded_parameter(part.disposition_parameters, "filename");
  return name.empty() ? decoded_parameter(part.parameters, "name") : name;
}

std::string decoded_body(const Part& part, std::string_view body) {
  std::string bytes = decode(body, transfer_encoding(part.encoding));
  return part.type == "text" ? to_utf8(bytes, decoded_parameter(part.parameters, "charset")) : bytes;
}

}  // namespace mailstead::mail
