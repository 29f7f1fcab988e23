// RSET (RFC 1939 §5).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/server_session.h"

namespace mailstead::pop3 {

void run_rset(Session& session, std::string_view /*argument*/) {
  session.maildrop().unmark_all();
  session.ok("");
}

}  // namespace mailstead::pop3
