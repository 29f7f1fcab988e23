// Names of files in a Maildir: "1700000000.Q0123456789abcdef….host,S=1234:2,FS".
//
// The middle part is derived from the delivery and nothing else, so that each attempt at it makes the same name.
#pragma once

#include <string>
#include <string_view>

#include "connectors/destination.h"
#include "connectors/local/maildir.h"
#include "mail/flags.h"
#include "mail/limits.h"

namespace mailstead::local {

// "1700000000.Q….": begins the name of each file that holds this delivery and of no other.
[[nodiscard]] std::string delivery_prefix(const delivery::Outgoing& message, const std::string& origin);
// With the host; '/' and ':' escaped as the Maildir convention has it.
[[nodiscard]] std::string base_name(const std::string& prefix, const std::string& host_name);
// ":2,FRS" in ASCII order, or "" when there is nothing to say (the file belongs into new/). Keywords have no letter,
// save $Forwarded (P).
[[nodiscard]] std::string flags_suffix(const mail::Flags& flags);

}  // namespace mailstead::local
