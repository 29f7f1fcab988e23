// One run of a prepared statement: bind, walk the rows, reset at the end of the scope. SQL text is a compile-time
// constant by type (Sql), so that no value can ever become part of it.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mail/clock.h"
#include "mail/digest.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mailstead::storage::sqlite {

struct Sql {
  consteval Sql(const char* literal) : text(literal) {}  // NOLINT(google-explicit-constructor)
  const char* text;
};

// Bytes that are not text.
struct Blob {
  std::string_view bytes;
};

class PreparedStatement {
 public:
  PreparedStatement(sqlite3* db, const char* text);
  ~PreparedStatement();
  PreparedStatement(const PreparedStatement&) = delete;
  PreparedStatement& operator=(const PreparedStatement&) = delete;

  sqlite3_stmt* handle = nullptr;
  bool in_use = false;
};

// Lives shorter than its connection, in one thread. Text and blob views live until the next call of next().
class Query {
 public:
  Query(sqlite3* db, PreparedStatement& statement);
  Query(sqlite3* db, std::unique_ptr<PreparedStatement> owned);
  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  ~Query();

  // Binds ?1, ?2, … in order; values are copied. May be called again after a run.
  template <typename... Values>
  Query& bind(const Values&... values) {
    rewind();
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }

  [[nodiscard]] bool next();  // whether a row is there
  void run();                 // to the end

  [[nodiscard]] std::int64_t integer(int column) const;
  template <typename Number>
  [[nodiscard]] Number number(int column) const {
    return static_cast<Number>(integer(column));
  }
  [[nodiscard]] mail::WallTime time(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string string(int column) const { return std::string(text(column)); }
  [[nodiscard]] std::string_view blob(int column) const;
  [[nodiscard]] mail::Sha256 digest(int column) const;  // zeros unless 32 octets are there
  [[nodiscard]] bool null(int column) const;

 private:
  void rewind();
  void bind_null(int index);
  void bind_integer(int index, std::int64_t value);
  void bind_text(int index, std::string_view value);
  void bind_bytes(int index, std::string_view value);

  template <std::integral Number>
  void bind_one(int index, Number value) {
    bind_integer(index, static_cast<std::int64_t>(value));
  }
  void bind_one(int index, std::string_view value) { bind_text(index, value); }
  void bind_one(int index, const std::string& value) { bind_text(index, value); }
  void bind_one(int index, const char* value) { bind_text(index, value); }
  void bind_one(int index, Blob value) { bind_bytes(index, value.bytes); }
  void bind_one(int index, mail::WallTime value) { bind_integer(index, value.time_since_epoch().count()); }
  void bind_one(int index, const mail::Sha256& value) {
    bind_bytes(index, {reinterpret_cast<const char*>(value.data()), value.size()});
  }
  void bind_one(int index, std::nullopt_t) { bind_null(index); }
  template <typename Value>
  void bind_one(int index, const std::optional<Value>& value) {
    value ? bind_one(index, *value) : bind_null(index);
  }

  sqlite3* db_;
  std::unique_ptr<PreparedStatement> owned_;
  PreparedStatement* statement_;
};

}  // namespace mailstead::storage::sqlite
