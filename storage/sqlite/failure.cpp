#include "storage/sqlite/failure.h"

#include <string>

#include "storage/sync_failed.h"

#include <sqlite3.h>

namespace mailstead::storage::sqlite {
namespace {

std::string_view words_for(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return "the disk is full: nothing was changed, make room and it goes on by itself";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "the database is damaged: it was left as it is, restore a backup or salvage it with sqlite3's .recover";
    case SQLITE_READONLY: return "the database cannot be written: check the owner, the mode and the mount of data_dir";
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "another program holds the database: end it and try again";
    case SQLITE_CANTOPEN: return "the database cannot be opened: check the owner and the mode of data_dir";
    case SQLITE_PERM:
    case SQLITE_AUTH: return "the database may not be used: check the owner and the mode of data_dir";
    case SQLITE_IOERR: return "the disk failed while the database was used: check the system log";
    case SQLITE_NOMEM: return "not enough memory for the database";
    case SQLITE_TOOBIG: return "a value is too large for the database";
    default: return "the database refused a command";
  }
}

}  // namespace

void throw_failure(sqlite3* db, int code, std::string_view doing) {
  int extended = db != nullptr ? sqlite3_extended_errcode(db) : code;
  if ((extended & 0xff) != (code & 0xff)) extended = code;
  std::string detail = "sqlite " + std::to_string(extended) + " (" +
                       (db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code)) + "): " + std::string(doing);
  std::string text(words_for(code));
  if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC) {
    throw SyncFailed(mail::FailureKind::kStorage, mail::FailureScope::kProcess, std::move(text), std::move(detail));
  }
  if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) {
    throw DatabaseDamaged(mail::FailureKind::kStorage, mail::FailureScope::kProcess, std::move(text),
                          std::move(detail));
  }
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, std::move(text), std::move(detail));
}

}  // namespace mailstead::storage::sqlite
