#include "storage/sqlite/renumbering.h"

#include "storage/uid_ranges.h"

namespace mailstead::storage::sqlite {
namespace {

// Of equal Message-IDs (or sizes, where there is none) so many are looked at; a message beyond is fetched again.
constexpr std::int64_t kMaxLookedAt = 1000;

struct Kept {
  MessageId id = 0;
  std::string uidl;
};

// Two of Message-ID, size and date must agree, the Message-ID among them where there is one.
bool surely_same(const Shown& shown, bool named, mail::ByteCount size, mail::WallTime date) {
  bool same_size = shown.size != 0 && shown.size == size;
  bool same_date = shown.internal_date && *shown.internal_date == date;
  return named ? same_size || same_date : same_size && same_date;
}

// A row of an earlier numbering: another UIDVALIDITY, or a UIDL that is no longer on the server.
template <typename IsOld>
std::optional<Kept> find_kept(Query& query, const Shown& shown, bool named, const IsOld& is_old) {
  while (query.next()) {
    if (!surely_same(shown, named, query.number<mail::ByteCount>(1), query.time(2))) continue;
    Kept kept{query.integer(0), query.string(4)};
    if (is_old(query.number<std::uint32_t>(3), kept.uidl)) return kept;
  }
  return std::nullopt;
}

std::optional<Kept> look_up(WriteContext& context, const FolderRow& row, const Shown& shown,
                            const std::unordered_set<std::string>& gone) {
  auto is_old = [&](std::uint32_t validity, const std::string& uidl) {
    return shown.uid != 0 ? validity != row.progress.uid_validity : gone.contains(uidl);
  };
  std::string_view message_id = bare_message_id(shown.message_id);
  if (message_id.empty()) {
    Query query = context.db.query(
        "SELECT id, size, internal_date, uid_validity, uidl FROM messages"
        " WHERE message_id IS NULL AND folder = ?1 AND size = ?2 LIMIT ?3");
    query.bind(row.id, shown.size, kMaxLookedAt);
    return find_kept(query, shown, false, is_old);
  }
  Query query = context.db.query(
      "SELECT id, size, internal_date, uid_validity, uidl FROM"
      " (SELECT * FROM messages WHERE message_id = ?1 LIMIT ?3) WHERE folder = ?2");
  query.bind(message_id, row.id, kMaxLookedAt);
  return find_kept(query, shown, true, is_old);
}

void take_over(WriteContext& context, FolderRow& row, const Kept& kept, Uid uid, const std::string& uidl) {
  context.db.query("UPDATE messages SET uid_validity = ?2, uid = ?3, uidl = ?4 WHERE id = ?1")
      .bind(kept.id, row.progress.uid_validity, uid, uidl)
      .run();
  if (uid != 0) {
    mark_done(row.progress, uid);
    row.changed = true;
    context.db
        .query(
            "INSERT OR IGNORE INTO cleanups (folder, uid, uidl, message, due)"
            " SELECT folder, ?2, '', message, due FROM stranded_cleanups WHERE message = ?1")
        .bind(kept.id, uid)
        .run();
    context.db.query("DELETE FROM stranded_cleanups WHERE message = ?1").bind(kept.id).run();
    return;
  }
  context.db.query("DELETE FROM uidls WHERE folder = ?1 AND uidl = ?2").bind(row.id, kept.uidl).run();
  context.db.query("INSERT OR REPLACE INTO uidls (folder, uidl, message, skipped) VALUES (?1, ?2, ?3, 0)")
      .bind(row.id, uidl, kept.id)
      .run();
  context.db.query("UPDATE OR REPLACE cleanups SET uidl = ?3 WHERE folder = ?1 AND uid = 0 AND uidl = ?2")
      .bind(row.id, kept.uidl, uidl)
      .run();
}

}  // namespace

void restart(WriteContext& context, FolderRow& row, std::uint32_t uid_validity) {
  row.progress = FolderProgress{};
  row.progress.uid_validity = uid_validity;
  row.progress.matching = true;
  row.changed = true;
  row.troubled = false;
  context.db
      .query(
          "INSERT OR IGNORE INTO stranded_cleanups (message, folder, due)"
          " SELECT message, folder, due FROM cleanups WHERE folder = ?1 AND message <> 0")
      .bind(row.id)
      .run();
  context.db.query("DELETE FROM cleanups WHERE folder = ?1").bind(row.id).run();
  context.db.query("DELETE FROM troubles WHERE folder = ?1").bind(row.id).run();
}

bool adopt(WriteContext& context, FolderRow& row, const Shown& shown, const std::unordered_set<std::string>& gone) {
  auto kept = look_up(context, row, shown, gone);
  if (!kept) return false;
  take_over(context, row, *kept, shown.uid, shown.uidl);
  return true;
}

std::optional<MessageId> adopt_by_fingerprint(WriteContext& context, FolderRow& row, Uid uid,
                                              const mail::Sha256& fingerprint) {
  Kept kept;
  {
    Query query = context.db.query(
        "SELECT id FROM messages WHERE fingerprint = ?1 AND folder = ?2 AND uid_validity <> ?3"
        " ORDER BY id DESC LIMIT 1");
    query.bind(fingerprint, row.id, row.progress.uid_validity);
    if (!query.next()) return std::nullopt;
    kept.id = query.integer(0);
  }
  take_over(context, row, kept, uid, "");
  return kept.id;
}

void end_matching(WriteContext& context, FolderRow& row) {
  row.progress.matching = false;
  row.changed = true;
  context.db.query("DELETE FROM stranded_cleanups WHERE folder = ?1").bind(row.id).run();
}

}  // namespace mailstead::storage::sqlite
