// storage/acceptance.h on SQLite and segments.
#pragma once

#include "storage/acceptance.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

class SqliteAcceptor final : public Acceptor {
 public:
  explicit SqliteAcceptor(const Database& database) : database_(database) {}
  void accept(Acceptance acceptance, AcceptDone done) override;
  void flush() override;

 private:
  const Database& database_;
};

// Puts a content into a mailbox of `placement`, made when missing; used by the queue for what it returns, too.
void place(WriteContext& context, const NewPlacement& placement, ContentId content, mail::ByteCount size,
           MessageId message);

}  // namespace mailstead::storage::sqlite
