#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/server/describe.h"
#include "mail/address.h"

namespace mailstead::imap {
namespace {

// An empty field cannot be told from a missing one any more: both are NIL.
void append_field(std::string& out, const std::string& value) {
  if (value.empty()) {
    out += "NIL";
  } else {
    append_string(out, value);
  }
}

void append_address(std::string& out, const mail::Address& address) {
  out += '(';
  if (address.kind == mail::Address::Kind::kMailbox) {
    append_field(out, address.name);
    out += ' ';
    append_field(out, address.route);
    out += ' ';
    append_string(out, address.local);
    out += ' ';
    append_string(out, address.domain);  // NIL would make it a group
  } else {
    out += "NIL NIL ";
    if (address.kind == mail::Address::Kind::kGroupBegin) {
      append_string(out, address.local);
    } else {
      out += "NIL";
    }
    out += " NIL";
  }
  out += ')';
}

void append_addresses(std::string& out, const std::string& value) {
  auto addresses = mail::parse_addresses(value);
  if (addresses.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  for (const auto& address : addresses) append_address(out, address);
  out += ')';
}

}  // namespace

void append_envelope(std::string& out, const mail::Envelope& envelope) {
  out += '(';
  append_field(out, envelope.date);
  out += ' ';
  append_field(out, envelope.subject);
  // RFC 3501 §7.4.2: without a field of their own, sender and reply-to are from.
  for (const std::string* value :
       {&envelope.from, envelope.sender.empty() ? &envelope.from : &envelope.sender,
        envelope.reply_to.empty() ? &envelope.from : &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc}) {
    out += ' ';
    append_addresses(out, *value);
  }
  out += ' ';
  append_field(out, envelope.in_reply_to);
  out += ' ';
  append_field(out, envelope.message_id);
  out += ')';
}

}  // namespace mailstead::imap
