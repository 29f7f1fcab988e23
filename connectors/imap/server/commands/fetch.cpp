#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/fetch_task.h"
#include "connectors/imap/server/message_set.h"
#include "connectors/imap/server/resynchronization.h"

#include <algorithm>

namespace mailstead::imap::commands {
namespace {

// RFC 7162 §3.1.4.1 and §3.2.6.
struct Modifiers {
  std::optional<storage::ModSeq> changed_since;
  bool vanished = false;
};

Modifiers read_modifiers(Cursor& cursor) {
  Modifiers modifiers;
  if (!cursor.try_char(' ')) return modifiers;
  cursor.expect_list([&] {
    std::string name = read_item_name(cursor);
    if (name == "CHANGEDSINCE") {
      cursor.expect_space();
      modifiers.changed_since = cursor.expect_number(kLargestModSeq);
    } else if (name == "VANISHED") {
      modifiers.vanished = true;
    } else {
      reject("unknown modifier of FETCH");
    }
  });
  return modifiers;
}

bool asks_modseq(const std::vector<FetchItem>& items) {
  return std::any_of(items.begin(), items.end(),
                     [](const FetchItem& item) { return item.kind == FetchItem::Kind::kModSeq; });
}

// The UIDs of the set as it was given; "*" is above all that are gone.
SequenceSet uids_of_set(Cursor at_set, const MailboxView& view) {
  return at_set.peek() == '$' ? view.saved_result() : read_sequence_set(at_set).resolved(UINT32_MAX);
}

}  // namespace

Outcome fetch(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  const Cursor at_set = arguments;
  const MailboxView& view = session.view();
  auto positions = read_message_set(arguments, view, request.by_uid);
  arguments.expect_space();
  std::vector<FetchItem> items = read_fetch_items(arguments);
  Modifiers modifiers = read_modifiers(arguments);
  arguments.expect_end();
  if (modifiers.vanished && !(request.by_uid && modifiers.changed_since && session.enabled.qresync))
    reject("VANISHED goes with UID FETCH, CHANGEDSINCE and ENABLE QRESYNC");
  if (modifiers.changed_since) {
    std::erase_if(positions, [&](std::uint32_t at) { return view.entry(at).modseq <= *modifiers.changed_since; });
    if (!asks_modseq(items)) items.push_back(modseq_item());
  }
  if (asks_modseq(items)) session.use_modseq(request.output);
  if (modifiers.vanished) {
    const SequenceSet uids = uids_of_set(at_set, view);
    tell_vanished_earlier(session.mail(), view, *modifiers.changed_since, &uids, request.output);
  }
  return std::make_unique<FetchTask>(session, request.by_uid, std::move(positions), std::move(items));
}

}  // namespace mailstead::imap::commands
