// DELE (RFC 1939 §5).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/message_argument.h"
#include "connectors/pop3/server/server_session.h"

namespace mailstead::pop3 {

void run_dele(Session& session, std::string_view argument) {
  auto chosen = choose_message(session, argument);
  if (!chosen) return;
  session.maildrop().mark(chosen->number);
  session.ok("Marked");
}

}  // namespace mailstead::pop3
