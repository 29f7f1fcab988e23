#include "storage/sqlite/query.h"

#include "storage/sqlite/failure.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace mailstead::storage::sqlite {

PreparedStatement::PreparedStatement(sqlite3* db, const char* text) {
  int code = sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) throw_failure(db, code, text);
}

PreparedStatement::~PreparedStatement() {
  sqlite3_finalize(handle);
}

Query::Query(sqlite3* db, PreparedStatement& statement) : db_(db), statement_(&statement) {
  statement_->in_use = true;
}

Query::Query(sqlite3* db, std::unique_ptr<PreparedStatement> owned)
    : db_(db), owned_(std::move(owned)), statement_(owned_.get()) {
  statement_->in_use = true;
}

Query::Query(Query&& other) noexcept
    : db_(other.db_), owned_(std::move(other.owned_)), statement_(std::exchange(other.statement_, nullptr)) {}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_->handle);
  sqlite3_clear_bindings(statement_->handle);
  statement_->in_use = false;
}

void Query::rewind() {
  sqlite3_reset(statement_->handle);
}

bool Query::next() {
  int code = sqlite3_step(statement_->handle);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw_failure(db_, code, sqlite3_sql(statement_->handle));
}

void Query::run() {
  while (next()) {
  }
  rewind();
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_->handle, column);
}

mail::WallTime Query::time(int column) const {
  return mail::WallTime(std::chrono::seconds(integer(column)));
}

std::string_view Query::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_->handle, column));
  return bytes == nullptr ? std::string_view()
                          : std::string_view(bytes, sqlite3_column_bytes(statement_->handle, column));
}

std::string_view Query::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_->handle, column));
  return bytes == nullptr ? std::string_view()
                          : std::string_view(bytes, sqlite3_column_bytes(statement_->handle, column));
}

mail::Sha256 Query::digest(int column) const {
  mail::Sha256 digest{};
  std::string_view bytes = blob(column);
  if (bytes.size() == digest.size()) std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

bool Query::null(int column) const {
  return sqlite3_column_type(statement_->handle, column) == SQLITE_NULL;
}

void Query::bind_null(int index) {
  int code = sqlite3_bind_null(statement_->handle, index);
  if (code != SQLITE_OK) throw_failure(db_, code, "bind");
}

void Query::bind_integer(int index, std::int64_t value) {
  int code = sqlite3_bind_int64(statement_->handle, index, value);
  if (code != SQLITE_OK) throw_failure(db_, code, "bind");
}

void Query::bind_text(int index, std::string_view value) {
  const char* bytes = value.data() == nullptr ? "" : value.data();
  int code = sqlite3_bind_text64(statement_->handle, index, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) throw_failure(db_, code, "bind");
}

void Query::bind_bytes(int index, std::string_view value) {
  const char* bytes = value.data() == nullptr ? "" : value.data();
  int code = sqlite3_bind_blob64(statement_->handle, index, bytes, value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) throw_failure(db_, code, "bind");
}

}  // namespace mailstead::storage::sqlite
