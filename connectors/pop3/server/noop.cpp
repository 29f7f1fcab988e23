// NOOP (RFC 1939 §5).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/server_session.h"

namespace mailstead::pop3 {

void run_noop(Session& session, std::string_view /*argument*/) {
  session.ok("");
}

}  // namespace mailstead::pop3
