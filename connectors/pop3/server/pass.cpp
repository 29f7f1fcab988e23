// PASS (RFC 1939 §7).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/server_session.h"

#include <string>

namespace mailstead::pop3 {

void run_pass(Session& session, std::string_view argument) {
  if (session.claimed_user().empty()) return session.error("USER comes first");
  std::string user = std::move(session.claimed_user());
  session.claimed_user().clear();
  if (!session.may_try(user)) return;
  const auto identity = sasl::check_password(session.context().lookup, user, argument);
  session.judged(user, identity.has_value(),
                 [&session, identity] { identity ? session.sign_in(*identity) : session.sign_in_failed(); });
}

}  // namespace mailstead::pop3
