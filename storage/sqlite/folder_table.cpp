#include "storage/sqlite/folder_table.h"

#include "storage/uid_ranges.h"

#include <algorithm>

namespace mailstead::storage::sqlite {

FolderRow& FolderTable::get(const std::string& account, const std::string& folder) {
  auto [at, added] = rows_.try_emplace({account, folder});
  if (!added) return at->second;
  FolderRow& row = at->second;
  {
    Query query = db_.query(
        "SELECT id, uid_validity, done_through, done_beyond, skipped, highest_modseq, matching,"
        " EXISTS (SELECT 1 FROM troubles WHERE folder = folders.id) FROM folders"
        " WHERE account = ?1 AND folder = ?2");
    query.bind(account, folder);
    if (query.next()) {
      row.id = query.integer(0);
      row.progress = read_progress(query, 1);
      row.troubled = query.integer(7) != 0;
      return row;
    }
  }
  db_.query("INSERT INTO folders (account, folder) VALUES (?1, ?2)").bind(account, folder).run();
  row.id = db_.last_id();
  return row;
}

void FolderTable::forget_trouble(FolderRow& row, Uid uid, const std::string& uidl) {
  db_.query("DELETE FROM troubles WHERE folder = ?1 AND uid = ?2 AND uidl = ?3").bind(row.id, uid, uidl).run();
}

void FolderTable::write_back() {
  for (auto& [name, row] : rows_) {
    if (!row.changed) continue;
    db_.query(
           "UPDATE folders SET uid_validity = ?2, done_through = ?3, done_beyond = ?4, skipped = ?5,"
           " highest_modseq = ?6, matching = ?7 WHERE id = ?1")
        .bind(row.id, row.progress.uid_validity, row.progress.done_through, Blob{pack(row.progress.done_beyond)},
              Blob{pack(row.progress.skipped)}, row.progress.highest_modseq, row.progress.matching)
        .run();
    row.changed = false;
  }
  if (rows_.size() > kMaxKept) rows_.clear();
}

FolderProgress read_progress(const Query& row, int column) {
  FolderProgress progress;
  progress.uid_validity = row.number<std::uint32_t>(column);
  progress.done_through = row.number<Uid>(column + 1);
  progress.done_beyond = unpack_ranges(row.blob(column + 2));
  progress.skipped = unpack_ranges(row.blob(column + 3));
  progress.highest_modseq = row.number<ModSeq>(column + 4);
  progress.matching = row.integer(column + 5) != 0;
  return progress;
}

void mark_done(FolderProgress& progress, Uid uid) {
  if (!progress.done(uid)) mark_done(progress, {uid, uid});
}

void mark_done(FolderProgress& progress, const UidRange& uids) {
  if (uids.last <= progress.done_through) return;
  add(progress.done_beyond, std::max(uids.first, progress.done_through + 1), uids.last);
  // No UID lies between done_through and a range that begins right behind it.
  if (progress.done_beyond.front().first == progress.done_through + 1) {
    progress.done_through = progress.done_beyond.front().last;
    progress.done_beyond.erase(progress.done_beyond.begin());
  }
}

}  // namespace mailstead::storage::sqlite
