#include "connectors/imap/server/commands/commands.h"

#include <map>

#include "connectors/imap/codec/mailbox_name.h"
#include "connectors/imap/server/arguments.h"

namespace mailstead::imap::commands {

// RFC 3501 §6.3.9: subscribed names, existing or not. With "%" a subscribed name below one that is not subscribed shows
// its parent as \Noselect.
Outcome lsub(Conversation& session, Request& request) {
  constexpr char kDelimiter = storage::kHierarchyDelimiter;
  request.arguments.expect_space();
  const std::string reference = read_mailbox(request.arguments, session.enabled);
  request.arguments.expect_space();
  const std::string pattern = join_pattern(reference, read_list_pattern(request.arguments, session.enabled));
  request.arguments.expect_end();

  std::map<std::string, bool> found;  // name → subscribed itself
  for (const std::string& name : session.mail().subscriptions(session.user)) {
    if (matches_list_pattern(name, pattern, kDelimiter)) {
      found[name] = true;
    } else if (pattern.ends_with('%')) {
      for (std::size_t at = name.rfind(kDelimiter); at != std::string::npos && at > 0;
           at = name.rfind(kDelimiter, at - 1)) {
        std::string parent = name.substr(0, at);
        if (matches_list_pattern(parent, pattern, kDelimiter)) found.try_emplace(std::move(parent), false);
      }
    }
  }
  for (const auto& [name, subscribed] : found) {
    request.output += subscribed ? "* LSUB () \"" : "* LSUB (\\Noselect) \"";
    request.output += kDelimiter;
    request.output += "\" ";
    append_mailbox(request.output, name, session.enabled);
    request.output += "\r\n";
  }
  return ok("Lsub completed.");
}

}  // namespace mailstead::imap::commands
