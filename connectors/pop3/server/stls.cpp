// STLS (RFC 2595 §4).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/server_session.h"

namespace mailstead::pop3 {

void run_stls(Session& session, std::string_view argument) {
  if (!argument.empty()) return session.error("STLS takes no argument");
  if (!session.may_start_tls()) return session.error(session.tls() ? "TLS is on already" : "No TLS here");
  session.claimed_user().clear();
  session.ok("Begin TLS");
  session.start_tls();
}

}  // namespace mailstead::pop3
