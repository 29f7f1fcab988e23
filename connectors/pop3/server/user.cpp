// USER (RFC 1939 §7).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/server_session.h"

namespace mailstead::pop3 {

// The answer is the same for every name: it does not tell who has a mailbox here.
void run_user(Session& session, std::string_view argument) {
  if (!session.takes_passwords()) return session.error("Passwords are not taken in the clear: use STLS first");
  if (argument.empty()) return session.error("USER needs a name");
  session.claimed_user() = argument;
  session.ok("");
}

}  // namespace mailstead::pop3
