#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/fetch_task.h"

namespace mailstead::imap::commands {

Outcome fetch(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  SequenceSet set = read_sequence_set(arguments);
  arguments.expect_space();
  std::vector<FetchItem> items = read_fetch_items(arguments);
  arguments.expect_end();
  auto positions = session.view().positions(set, request.by_uid);
  return std::make_unique<FetchTask>(session, request.by_uid, std::move(positions), std::move(items));
}

}  // namespace mailstead::imap::commands
