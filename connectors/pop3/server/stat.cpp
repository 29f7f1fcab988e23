// STAT (RFC 1939 §5).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/server_session.h"

#include <fmt/format.h>

namespace mailstead::pop3 {

void run_stat(Session& session, std::string_view /*argument*/) {
  session.ok(fmt::format("{} {}", session.maildrop().messages(), session.maildrop().octets()));
}

}  // namespace mailstead::pop3
