// QUIT (RFC 1939 §4, §6).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/server_session.h"
#include "mail/failure.h"

namespace mailstead::pop3 {

// From TRANSACTION it enters UPDATE: deletions are done and durable before the +OK.
void run_quit(Session& session, std::string_view /*argument*/) {
  session.close();
  if (session.state() == Session::State::kTransaction) {
    try {
      session.count_deleted(session.maildrop().remove_marked(session.context().store.mail()));
    } catch (const mail::Failure&) {
      return session.error("[SYS/TEMP] Some deleted messages were not removed");
    }
  }
  session.ok("Bye");
}

}  // namespace mailstead::pop3
