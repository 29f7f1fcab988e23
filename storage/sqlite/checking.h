// The database and the segments held against each other: what `mailstead check --data` reports.
#pragma once

#include "storage/sqlite/database.h"
#include "storage/store.h"

namespace mailstead::storage::sqlite {

// Changes nothing. `deep` reads every byte of every segment. At most kMaxProblems problems are listed.
[[nodiscard]] CheckReport check(const Database& database, bool deep);

}  // namespace mailstead::storage::sqlite
