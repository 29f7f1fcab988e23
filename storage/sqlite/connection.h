// An open database file, and transactions on it. One thread at a time; never carried over a fork.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/sqlite/query.h"

struct sqlite3;

namespace mailstead::storage::sqlite {

enum class Access { kRead, kWrite };

// Every call throws Failure(kStorage, kProcess).
class Connection {
 public:
  // The file exists. The writer's connection alone may checkpoint, and does so only by checkpoint().
  Connection(const std::string& path, Access access);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Prepared once per connection and text, then reused.
  [[nodiscard]] Query query(Sql sql);
  void run(Sql sql) { query(sql).run(); }
  // Several statements of our own, such as a migration.
  void script(const std::string& text);

  [[nodiscard]] std::int64_t last_id() const;
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] bool in_transaction() const;
  // Rolls back what is open; never throws.
  void rollback() noexcept;
  // Moves the write-ahead log into the database as far as readers allow; returns the pages that remain in the log.
  int checkpoint(bool truncate);
  // Pages in the write-ahead log after the last commit.
  [[nodiscard]] int log_pages() const noexcept { return log_pages_; }
  // "" when sound, else the first complaints of SQLite.
  [[nodiscard]] std::string complaints(bool thorough);

 private:
  static int on_commit(void* self, sqlite3* db, const char* name, int pages);

  sqlite3* db_ = nullptr;
  int log_pages_ = 0;
  std::unordered_map<const char*, std::unique_ptr<PreparedStatement>> statements_;
};

// A consistent view over several reads; ends with the scope.
class ReadTransaction {
 public:
  explicit ReadTransaction(Connection& connection) : connection_(connection) { connection_.run("BEGIN"); }
  ~ReadTransaction() { connection_.rollback(); }
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  Connection& connection_;
};

// All or nothing: rolled back unless commit() returned.
class WriteTransaction {
 public:
  explicit WriteTransaction(Connection& connection) : connection_(connection) { connection_.run("BEGIN IMMEDIATE"); }
  ~WriteTransaction() {
    if (connection_.in_transaction()) connection_.rollback();
  }
  WriteTransaction(const WriteTransaction&) = delete;
  WriteTransaction& operator=(const WriteTransaction&) = delete;
  void commit() { connection_.run("COMMIT"); }

 private:
  Connection& connection_;
};

}  // namespace mailstead::storage::sqlite
