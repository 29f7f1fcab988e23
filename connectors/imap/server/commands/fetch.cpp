#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/fetch_task.h"
#include "connectors/imap/server/message_set.h"

namespace mailstead::imap::commands {

Outcome fetch(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  auto positions = read_message_set(arguments, session.view(), request.by_uid);
  arguments.expect_space();
  std::vector<FetchItem> items = read_fetch_items(arguments);
  arguments.expect_end();
  return std::make_unique<FetchTask>(session, request.by_uid, std::move(positions), std::move(items));
}

}  // namespace mailstead::imap::commands
