#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {
namespace {

constexpr std::size_t kMaxFields = 30;  // RFC 2971 §3.3

}  // namespace

// What the client says of itself is read and forgotten.
Outcome id(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  if (!arguments.try_word("NIL")) {
    std::size_t fields = 0;
    arguments.expect_list([&] {
      if (++fields > kMaxFields) reject("too many fields");
      (void)arguments.expect_string();
      arguments.expect_space();
      (void)arguments.expect_nstring();
    });
  }
  arguments.expect_end();
  request.output += "* ID (\"name\" \"Mailstead\"";
  if (!session.context.version.empty()) {
    request.output += " \"version\" ";
    append_string(request.output, session.context.version);
  }
  request.output += ")\r\n";
  return ok("ID completed.");
}

}  // namespace mailstead::imap::commands
