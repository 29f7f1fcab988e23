// The text of a message's text parts, decoded, for the tests that look at the body.
#pragma once

#include <string>

#include "router/subject.h"

namespace mailstead::router {

// Valid UTF-8, at most about `limit` octets; `whole` becomes false when more was there. Attachments and parts inside
// message/rfc822 are left out; HTML comes as it is written, with its tags.
[[nodiscard]] std::string decoded_body_text(const Subject& subject, std::size_t limit, bool& whole);

}  // namespace mailstead::router
