#include "connectors/imap/server/message_set.h"

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap {

std::vector<std::uint32_t> read_message_set(Cursor& cursor, const MailboxView& view, bool by_uid) {
  if (cursor.try_char('$')) return view.positions(view.saved_result(), true);
  return view.positions(read_sequence_set(cursor), by_uid);
}

}  // namespace mailstead::imap
