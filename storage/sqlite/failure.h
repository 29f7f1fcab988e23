// SQLite's result codes in words for people.
#pragma once

#include "mail/failure.h"

#include <string_view>

struct sqlite3;

namespace mailstead::storage::sqlite {

// SQLite found the file inconsistent, or no database at all.
class DatabaseDamaged : public mail::Failure {
 public:
  using mail::Failure::Failure;
};

// Throws Failure(kStorage, kProcess): DatabaseDamaged, or SyncFailed when a sync was refused, where they apply. `doing`
// goes to the private detail. `db` may be null.
[[noreturn]] void throw_failure(sqlite3* db, int code, std::string_view doing);

}  // namespace mailstead::storage::sqlite
