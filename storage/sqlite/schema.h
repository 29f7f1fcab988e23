// The database file from nothing to the newest schema: creation, migration by numbered SQL files, and the refusal of
// what we cannot use. `application_id` marks a file as ours, `user_version` counts the migrations it has had.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "storage/sqlite/connection.h"

namespace mailstead::storage::sqlite {

inline constexpr int kApplicationId = 0x4d535444;  // "MSTD"

// The SQL of migration 1, 2, …
[[nodiscard]] std::span<const char* const> migrations();

// Throws Failure(kStorage, kProcess), the files unchanged, when `path` is not ours, from a newer version or (looked for
// when `verify`) damaged; or, when it `must_be_current`, from an older version. False: the file is missing or has no
// schema yet.
[[nodiscard]] bool inspect(const std::string& path, bool verify, bool must_be_current = false);
// True when the file is missing or empty.
[[nodiscard]] bool is_new(const std::string& path);
// Opens for writing, created with mode 0600 and migrated as needed. After inspect().
[[nodiscard]] std::unique_ptr<Connection> open_for_writing(const std::string& path);

}  // namespace mailstead::storage::sqlite
