// An identity for messages that the server gives none: made of the header, where only the server's own status fields
// are left out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/pop3/client/maildrop.h"

namespace mailstead::pop3 {

[[nodiscard]] bool is_header_identity(std::string_view identity) noexcept;

// Gives each of `messages` (of `maildrop`, ascending numbers) an identity by TOP n 0, pipelined where announced; a
// message for which the server refuses TOP is retrieved whole for it and thrown away (with a warning: every poll costs
// that). Two alike become "…" and "…#2", so that neither hides the other. One that cannot be identified is marked
// refused, and the maildrop is not complete then.
void identify_by_header(Connection& connection, bool pipelining, const std::vector<ListedMessage*>& messages,
                        Maildrop& maildrop);

}  // namespace mailstead::pop3
