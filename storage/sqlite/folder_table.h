// Progress per remote folder, for the writer: read once, changed in memory, written back before the commit.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "storage/ledger.h"
#include "storage/sqlite/connection.h"

namespace mailstead::storage::sqlite {

using FolderId = std::int64_t;

struct FolderRow {
  FolderId id = 0;
  FolderProgress progress;
  bool troubled = false;  // it may have rows in troubles
  bool changed = false;
};

class FolderTable {
 public:
  explicit FolderTable(Connection& db) : db_(db) {}

  // The row, made when missing. Lives until write_back() or reset().
  [[nodiscard]] FolderRow& get(const std::string& account, const std::string& folder);
  // Ends a message's trouble, if it had one.
  void forget_trouble(FolderRow& row, Uid uid, const std::string& uidl);
  void write_back();
  void reset() noexcept { rows_.clear(); }

 private:
  static constexpr std::size_t kMaxKept = 1000;

  Connection& db_;
  std::map<std::pair<std::string, std::string>, FolderRow> rows_;
};

// Reads what stands in the columns uid_validity, done_through, done_beyond, skipped, highest_modseq, matching from
// `column` on.
[[nodiscard]] FolderProgress read_progress(const Query& row, int column);
// Marks one UID as done.
void mark_done(FolderProgress& progress, Uid uid);
void mark_done(FolderProgress& progress, const UidRange& uids);

}  // namespace mailstead::storage::sqlite
