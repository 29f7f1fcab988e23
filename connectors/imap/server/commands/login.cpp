#include "connectors/imap/server/commands/commands.h"

#include "mail/secret.h"

namespace mailstead::imap::commands {

Outcome login(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  std::string user = arguments.expect_astring();
  arguments.expect_space();
  mail::Secret password(arguments.expect_astring());
  arguments.expect_end();
  if (!session.cleartext_allowed()) return no("[PRIVACYREQUIRED] A password is not taken without TLS.");
  if (!session.context.door.may_try(session.caller(), user)) return session.refuse_for_now();
  const auto identity = sasl::check_password(session.context.keys, user, password.reveal());
  if (!session.judge(user, identity.has_value())) return session.refuse_for_now();
  return identity ? session.sign_in(*identity) : session.refuse_sign_in();
}

}  // namespace mailstead::imap::commands
