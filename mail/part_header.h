// What a part's header says about it (RFC 2045, 2183). Part of mail/structure.h, not for others.
#pragma once

#include <string>
#include <string_view>

#include "mail/header.h"
#include "mail/structure.h"

namespace mailstead::mail {

// Fills type, parameters, disposition and the single-valued fields. Without a Content-Type the part is text/plain, or
// message/rfc822 inside multipart/digest (RFC 2046 §5.1.5).
void read_part_header(const HeaderBlock& header, bool in_digest, const ParseLimits& limits, Part& part);

// The boundary of a multipart without the leading "--"; empty when there is none that could be found again.
[[nodiscard]] std::string boundary_of(const Part& part, const ParseLimits& limits);

// A message/rfc822 whose octets are the message itself, not an encoding of it.
[[nodiscard]] bool holds_message(const Part& part);

}  // namespace mailstead::mail
