#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/object_id.h"
#include "mail/header.h"

#include <algorithm>

namespace mailstead::imap::commands {
namespace {

// Of RFC 6154 §2; \All and \Flagged would be views of other mailboxes, and there are none.
constexpr std::string_view kUses[] = {"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"};

// RFC 6154 §3: (USE (\Sent)). "" for none; several, or what is unknown, stand as they came.
std::string read_use(Cursor& cursor) {
  std::string use;
  if (!cursor.try_char(' ')) return use;
  cursor.expect_list([&] {
    if (!cursor.try_word("USE")) reject("unknown parameter of CREATE");
    cursor.expect_space();
    for (const std::string& attribute : cursor.expect_flag_list()) use += (use.empty() ? "" : " ") + attribute;
    for (std::string_view known : kUses) {
      if (mail::iequals(known, use)) use = known;
    }
  });
  return use;
}

// One mailbox for each use: clients take the first that they see.
bool may_be_used_as(const Conversation& session, const std::string& use) {
  auto mailboxes = session.mail().mailboxes(session.user);
  return std::find(std::begin(kUses), std::end(kUses), use) != std::end(kUses) &&
         std::none_of(mailboxes.begin(), mailboxes.end(), [&](const auto& box) { return box.special_use == use; });
}

}  // namespace

Outcome create(Conversation& session, Request& request) {
  request.arguments.expect_space();
  std::string name = read_mailbox(request.arguments, session.enabled);
  std::string use = read_use(request.arguments);
  request.arguments.expect_end();
  // RFC 3501 §6.3.3: a final delimiter only announces that others will stand below.
  if (name.size() > 1 && name.back() == storage::kHierarchyDelimiter) name.pop_back();
  if (!use.empty() && !may_be_used_as(session, use)) return no("[USEATTR] No mailbox can be made for that use.");
  auto answer = session.mail().create(session.user, name, use);
  if (answer != storage::MailboxAnswer::kDone) return refusal(answer);
  auto made = session.mail().find(session.user, name);
  return ok((made ? "[MAILBOXID (" + mailbox_object_id(made->id) + ")] " : "") + "Mailbox created.");
}

}  // namespace mailstead::imap::commands
