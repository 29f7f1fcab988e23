#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/quota.h"

namespace mailstead::imap::commands {

// The messages have been streamed to the store when this is called; target and existence were checked before. They are
// kept with those of the APPENDs that follow at once.
Outcome append(Conversation& session, Request& request) {
  if (!session.incoming) reject("expected a mailbox and a message as a literal");
  auto messages = session.incoming->finish(request.text, session.context.clock.wall());
  mail::ByteCount octets = session.appends.octets();
  for (const auto& message : messages) octets += message.content.bytes->size();
  if (auto refused = over_quota(session, octets, session.appends.messages() + messages.size()))
    return *std::move(refused);
  session.appends.add(std::string(request.tag), session.incoming->mailbox(), std::move(messages));
  Answer answer;
  answer.later = true;
  return answer;
}

}  // namespace mailstead::imap::commands
