#include "storage/sqlite/connection.h"

#include "storage/sqlite/failure.h"

#include <sqlite3.h>

namespace mailstead::storage::sqlite {
namespace {

constexpr int kBusyMilliseconds = 5000;

}  // namespace

Connection::Connection(const std::string& path, Access access) {
  int flags = (access == Access::kWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX |
              SQLITE_OPEN_EXRESCODE;
  int code = sqlite3_open_v2(path.c_str(), &db_, flags, nullptr);
  if (code != SQLITE_OK) {
    std::unique_ptr<sqlite3, decltype(&sqlite3_close)> closing(db_, &sqlite3_close);
    throw_failure(db_, code, "open " + path);
  }
  sqlite3_busy_timeout(db_, kBusyMilliseconds);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_wal_hook(db_, &Connection::on_commit, this);  // replaces the automatic checkpoint
  try {
    // cell_size_check keeps a damaged page from being misread. No memory map: a failing disk would be a SIGBUS.
    script(
        "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
        "PRAGMA mmap_size=0;");
    script(access == Access::kWrite ? "PRAGMA cache_size=-8000;" : "PRAGMA cache_size=-2000; PRAGMA query_only=ON;");
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close(db_);
}

Query Connection::query(Sql sql) {
  auto& statement = statements_[sql.text];
  if (statement == nullptr) statement = std::make_unique<PreparedStatement>(db_, sql.text);
  if (statement->in_use) return Query(db_, std::make_unique<PreparedStatement>(db_, sql.text));
  return Query(db_, *statement);
}

void Connection::script(const std::string& text) {
  int code = sqlite3_exec(db_, text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw_failure(db_, code, text.substr(0, 80));
}

std::int64_t Connection::last_id() const {
  return sqlite3_last_insert_rowid(db_);
}

std::int64_t Connection::changes() const {
  return sqlite3_changes64(db_);
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(db_) == 0;
}

void Connection::rollback() noexcept {
  sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

int Connection::on_commit(void* self, sqlite3*, const char*, int pages) {
  static_cast<Connection*>(self)->log_pages_ = pages;
  return SQLITE_OK;
}

int Connection::checkpoint(bool truncate) {
  int in_log = 0;
  int moved = 0;
  int code = sqlite3_wal_checkpoint_v2(db_, nullptr, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
                                       &in_log, &moved);
  if ((code & 0xff) != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) throw_failure(db_, code, "checkpoint");
  log_pages_ = in_log - moved;
  return log_pages_;
}

std::string Connection::complaints(bool thorough) {
  std::string found;
  Query rows = thorough ? query("PRAGMA integrity_check(20)") : query("PRAGMA quick_check(5)");
  while (rows.next()) {
    if (rows.text(0) == "ok") continue;
    if (!found.empty()) found += "; ";
    found += rows.text(0);
  }
  return found;
}

}  // namespace mailstead::storage::sqlite
