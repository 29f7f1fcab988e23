// CAPA (RFC 2449 §5).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/server_session.h"

#include <string>

namespace mailstead::pop3 {

void run_capa(Session& session, std::string_view /*argument*/) {
  session.ok("Capabilities follow");
  for (std::string_view name : {"TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE NEVER"}) {
    session.line(name);
  }
  if (session.takes_passwords()) session.line("USER");
  std::string mechanisms = "SASL";
  for (const auto& name : sasl::server_mechanisms(session.offer())) mechanisms += " " + name;
  session.line(mechanisms);
  bool before = session.state() == Session::State::kAuthorization;
  if (before && session.may_start_tls()) session.line("STLS");
  session.line("IMPLEMENTATION Mailstead");
  session.line(".");
}

}  // namespace mailstead::pop3
