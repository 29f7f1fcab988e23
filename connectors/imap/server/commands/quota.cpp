// GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1); quotas are set in the configuration, not by clients.
#include "connectors/imap/server/quota.h"

#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"

namespace mailstead::imap::commands {
namespace {

bool has_quota(const Conversation& session) {
  const Quota quota = session.quota();
  return quota.octets || quota.messages;
}

}  // namespace

Outcome get_quota(Conversation& session, Request& request) {
  request.arguments.expect_space();
  const std::string root = request.arguments.expect_astring();
  request.arguments.expect_end();
  if (!root.empty() || !has_quota(session)) return no("[NONEXISTENT] No such quota root.");
  append_quota(session, request.output);
  return ok("Quota completed.");
}

Outcome get_quota_root(Conversation& session, Request& request) {
  request.arguments.expect_space();
  const std::string name = read_mailbox(request.arguments, session.enabled);
  request.arguments.expect_end();
  if (!session.mail().find(session.user, name)) return refusal(storage::MailboxAnswer::kNoSuchMailbox);
  request.output += "* QUOTAROOT ";
  append_mailbox(request.output, name, session.enabled);
  request.output += has_quota(session) ? " \"\"\r\n" : "\r\n";
  if (has_quota(session)) append_quota(session, request.output);
  return ok("Quota root completed.");
}

}  // namespace mailstead::imap::commands
