// ENVELOPE and BODYSTRUCTURE (RFC 3501 §7.4.2) of a message's cached structure. No body is read.
#pragma once

#include <string>

#include "mail/structure.h"

namespace mailstead::imap {

void append_envelope(std::string& out, const mail::Envelope& envelope);
// BODYSTRUCTURE when `extended`, else BODY.
void append_body(std::string& out, const mail::Part& part, bool extended);

}  // namespace mailstead::imap
