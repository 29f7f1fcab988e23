#include "storage/sqlite/schema.h"

#include "storage/segments/file.h"
#include "storage/sqlite/failure.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace mailstead::storage::sqlite {
namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, text);
}

int pragma_value(Connection& db, Sql sql) {
  Query query = db.query(sql);
  return query.next() ? query.number<int>(0) : 0;
}

bool is_empty(Connection& db) {
  Query tables = db.query("SELECT count(*) FROM sqlite_schema");
  return tables.next() && tables.integer(0) == 0;
}

[[noreturn]] void refuse_damaged(const std::string& path, const std::string& complaints) {
  throw mail::Failure(
      mail::FailureKind::kStorage, mail::FailureScope::kProcess,
      path + " is damaged: it was left as it is, restore a backup or salvage it with sqlite3's .recover", complaints);
}

void refuse_foreign(const std::string& path, int application, int version) {
  int newest = static_cast<int>(migrations().size());
  if (application != kApplicationId) refuse(path + " is not a database of Mailstead: it was left as it is");
  if (version > newest) {
    refuse(path + " was written by a newer version (schema " + std::to_string(version) + ", this program knows " +
           std::to_string(newest) + "): it was left as it is, install the newer version again");
  }
}

// All steps at once: a reader beside us sees the old database or the new one.
void migrate(Connection& db) {
  int version = pragma_value(db, "PRAGMA user_version");
  auto steps = migrations();
  if (version >= static_cast<int>(steps.size())) return;
  WriteTransaction transaction(db);
  for (int step = version; step < static_cast<int>(steps.size()); ++step) {
    db.script(steps[step]);
    // PRAGMA takes no parameters; both values are our own numbers.
    db.script("PRAGMA application_id=" + std::to_string(kApplicationId) +
              "; PRAGMA user_version=" + std::to_string(step + 1) + ";");
  }
  transaction.commit();
}

}  // namespace

bool is_new(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return true;
  if (status.st_size > 0) return false;
  struct stat log {};
  return ::stat((path + "-wal").c_str(), &log) != 0 || log.st_size == 0;
}

bool inspect(const std::string& path, bool verify, bool must_be_current) {
  if (is_new(path)) return false;
  try {
    Connection db(path, Access::kRead);
    // In this order: another process may just be making it, all at once, between any two of these.
    bool empty = is_empty(db);
    int version = pragma_value(db, "PRAGMA user_version");
    int application = pragma_value(db, "PRAGMA application_id");
    if (empty && application == 0 && version == 0) return false;  // created, but the first migration did not come about
    refuse_foreign(path, application, version);
    // Read once more: our mark and the newest version come in one transaction, which may have been between the two.
    if (must_be_current && pragma_value(db, "PRAGMA user_version") < static_cast<int>(migrations().size()))
      refuse(path + " was written by an older version: start the agent of this one, which brings it up to date");
    if (!verify) return true;
    if (std::string complaints = db.complaints(false); !complaints.empty()) refuse_damaged(path, complaints);
  } catch (const DatabaseDamaged& damage) {
    refuse_damaged(path, damage.detail());
  }
  return true;
}

std::unique_ptr<Connection> open_for_writing(const std::string& path) {
  // Created by us, so that the mode is right from the first moment; SQLite gives its side files the same mode.
  segments::File(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  auto db = std::make_unique<Connection>(path, Access::kWrite);
  db->script("PRAGMA page_size=8192; PRAGMA secure_delete=OFF; PRAGMA journal_mode=WAL;");
  migrate(*db);
  return db;
}

}  // namespace mailstead::storage::sqlite
