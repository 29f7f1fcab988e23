#include "mail/auto_reply.h"

#include <sstream>

#include <fmt/format.h>

#include "mail/composition.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/message_ids.h"

namespace mailstead::mail {
namespace {

// RFC 3834 §3.1.5 and RFC 5322 §3.6.4: the message itself; what it answered, and then itself.
std::string threading(std::string_view original_header) {
  const HeaderBlock original = HeaderBlock::parse(original_header);
  const HeaderField* id = original.first("Message-ID");
  const std::string own = id == nullptr ? std::string() : sound_message_id(id->value);
  if (own.empty()) return {};
  const HeaderField* earlier = original.first("References");
  if (earlier == nullptr) earlier = original.first("In-Reply-To");
  std::string references;
  std::istringstream condensed(earlier == nullptr ? std::string() : condensed_references(earlier->value));
  for (std::string one; condensed >> one;)
    if (const std::string sound = sound_message_id('<' + one + '>'); !sound.empty()) references += sound + ' ';
  return format_field("In-Reply-To", own) + format_field("References", references + own);
}

}  // namespace

std::string build_auto_reply(const AutoReply& reply) {
  const std::string host = clean_host(reply.host);
  std::string out = format_field("Date", format_date(reply.now));
  out += format_field("From", reply.from);
  out += format_field("To", reply.to);
  out += format_field("Subject", reply.subject);
  out += format_field("Message-ID", fmt::format("<{}@{}>", clean_id(reply.unique_id), host));
  out += threading(reply.original_header);
  out += "Auto-Submitted: auto-replied (vacation)\r\nMIME-Version: 1.0\r\n";
  return out + text_entity("Content-Type: text/plain; charset=utf-8\r\n", reply.text);
}

}  // namespace mailstead::mail
