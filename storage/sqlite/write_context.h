// What a writing command works on: the connection inside the group's transaction, the segments, and the rows that a
// group changes over and over (mailboxes, folders, segments), kept in memory and written back once before the commit.
//
// The writer's thread only. When the transaction fails, reset() forgets all that it may have changed.
#pragma once

#include <set>

#include "storage/segments/appender.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/content_table.h"
#include "storage/sqlite/folder_table.h"
#include "storage/sqlite/mailbox_table.h"
#include "storage/sqlite/message_table.h"

namespace mailstead::storage::sqlite {

struct WriteContext {
  WriteContext(Connection& connection, segments::Appender& segment_appender)
      : db(connection),
        appender(segment_appender),
        contents(connection, segment_appender),
        folders(connection),
        mailboxes(connection),
        messages(connection) {}

  Connection& db;
  segments::Appender& appender;
  ContentTable contents;
  FolderTable folders;
  MailboxTable mailboxes;
  MessageTable messages;

  bool queue_changed = false;  // a delivery was added or made due earlier

  void write_back() {
    contents.write_back();
    folders.write_back();
    mailboxes.write_back();
  }
  void reset() noexcept {
    contents.reset();
    folders.reset();
    mailboxes.reset();
    queue_changed = false;
  }
};

}  // namespace mailstead::storage::sqlite
