// The directory that holds everything of one agent: its layout, its lock, the room left on its disk.
//
//   mailstead.db, search.db (+ -wal, -shm)   lock   running (while an agent runs, or after one died)   content/ spool/
#pragma once

#include <optional>
#include <string>

#include "mail/limits.h"
#include "storage/segments/file.h"

namespace mailstead::storage {

class DataDirectory {
 public:
  // Checks that the directory can be used; makes it and its parts (mode 0700) when `make`. Throws
  // Failure(kStorage, kProcess).
  DataDirectory(std::string path, bool make);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string database() const { return path_ + "/mailstead.db"; }
  [[nodiscard]] std::string search_index() const { return path_ + "/search.db"; }
  [[nodiscard]] std::string content() const { return path_ + "/content"; }
  [[nodiscard]] std::string spool() const { return path_ + "/spool"; }

  // Takes the lock for as long as this object lives; a dead process holds none. Throws DataDirectoryHeld.
  void lock();
  // Whether the last agent ended without saying so. After lock().
  [[nodiscard]] bool was_left_running() const;
  void mark_running() const;
  void mark_ended() const noexcept;

  [[nodiscard]] mail::ByteCount free_bytes() const;

 private:
  std::string path_;
  segments::File lock_;
};

}  // namespace mailstead::storage
