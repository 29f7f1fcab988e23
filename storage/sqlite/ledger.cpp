#include "storage/sqlite/ledger.h"

#include "mail/escape.h"
#include "storage/sqlite/renumbering.h"
#include "storage/uid_ranges.h"

#include <algorithm>

namespace mailstead::storage::sqlite {
namespace {

constexpr unsigned kMaxCountedAttempts = 1'000'000;

mail::WallTime wall_now() {
  return mail::SystemClock().wall();
}

// Nothing of another numbering may be marked done in this one.
void adopt_validity(FolderRow& row, const std::string& folder, std::uint32_t uid_validity) {
  if (row.progress.uid_validity != 0 && row.progress.uid_validity != uid_validity) {
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kFolder,
                        "the numbering (UIDVALIDITY) of " + folder + " changed while it was read");
  }
  row.progress.uid_validity = uid_validity;
  row.changed = true;
}

// What was skipped is no longer done; what was done stays so.
void forget_skipped_uids(FolderProgress& progress) {
  Uid lowest = progress.skipped.front().first;
  if (lowest <= progress.done_through) {
    Uid through = progress.done_through;
    progress.done_through = lowest - 1;
    add(progress.done_beyond, lowest, through);
  }
  for (const UidRange& range : progress.skipped) {
    for (Uid uid = range.first;; ++uid) {
      remove(progress.done_beyond, uid);
      if (uid == range.last) break;
    }
  }
  progress.skipped.clear();
}

// Leaves a message on the server without accepting it.
void step_over(WriteContext& context, FolderRow& row, const SourceRef& source, mail::WallTime now,
               const std::string& reason) {
  std::vector<HistoryEvent> events{{now, "skipped", reason}};
  MessageId id = context.messages.add({.folder = row.id,
                                       .source = source,
                                       .accepted = now,
                                       .internal_date = now,
                                       .message_id = {},
                                       .from = {},
                                       .subject = {},
                                       .fingerprint = {},
                                       .forget = {},
                                       .events = events});
  if (source.uid != 0) {
    mark_done(row.progress, source.uid);
    add(row.progress.skipped, source.uid, source.uid);
    row.changed = true;
    return;
  }
  context.db.query("INSERT OR IGNORE INTO uidls (folder, uidl, message, skipped) VALUES (?1, ?2, ?3, 1)")
      .bind(row.id, source.uidl, id)
      .run();
}

void note_copy(WriteContext& context, const Copy& copy, mail::WallTime now) {
  FolderId account = context.folders.get(copy.source.account, "").id;
  FolderRow& row = context.folders.get(copy.source.account, copy.source.folder);
  adopt_validity(row, copy.source.folder, copy.source.uid_validity);
  if (row.progress.done(copy.source.uid)) return;
  MessageId message = 0;
  {
    Query query = context.db.query("SELECT message FROM identities WHERE account = ?1 AND identity = ?2");
    query.bind(account, copy.identity);
    if (query.next()) message = query.integer(0);
  }
  if (message == 0) {
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kFolder,
                        "a message that was known is not: " + copy.identity);
  }
  mark_done(row.progress, copy.source.uid);
  row.changed = true;
  context.messages.add_event(
      message, now, "copy",
      mail::printable("also in folder " + copy.source.folder + ", UID " + std::to_string(copy.source.uid)));
  if (!copy.cleanup_at) return;
  context.db.query("INSERT OR IGNORE INTO cleanups (folder, uid, uidl, message, due) VALUES (?1, ?2, '', ?3, ?4)")
      .bind(row.id, copy.source.uid, message, *copy.cleanup_at)
      .run();
}

// The UIDL of an IMAP message is no part of its identity.
std::string trouble_uidl(const SourceRef& source) {
  return source.uid != 0 ? std::string() : source.uidl;
}

// Whether the message counts as done, retrieved or skipped.
bool is_done(WriteContext& context, const FolderRow& row, const SourceRef& source) {
  if (source.uid != 0) return row.progress.done(source.uid);
  Query query = context.db.query("SELECT 1 FROM uidls WHERE folder = ?1 AND uidl = ?2");
  query.bind(row.id, source.uidl);
  return query.next();
}

// Ends one pending clean-up and tells the message's history.
void end_cleanup(WriteContext& context, FolderId folder, Uid uid, const std::string& uidl, std::string_view text) {
  MessageId message = 0;
  {
    Query query = context.db.query("SELECT message FROM cleanups WHERE folder = ?1 AND uid = ?2 AND uidl = ?3");
    query.bind(folder, uid, uidl);
    if (!query.next()) return;
    message = query.integer(0);
  }
  context.db.query("DELETE FROM cleanups WHERE folder = ?1 AND uid = ?2 AND uidl = ?3").bind(folder, uid, uidl).run();
  context.messages.add_event(message, wall_now(), "cleaned", text);
}

}  // namespace

std::optional<FolderProgress> SqliteLedger::folder(const std::string& account, const std::string& folder) const {
  auto db = database_.readers.lend();
  Query query = db->query(
      "SELECT uid_validity, done_through, done_beyond, skipped, highest_modseq, matching FROM folders"
      " WHERE account = ?1 AND folder = ?2 AND uid_validity <> 0");
  query.bind(account, folder);
  if (!query.next()) return std::nullopt;
  return read_progress(query, 0);
}

void SqliteLedger::advance(const std::string& account, const std::string& folder, std::uint32_t uid_validity,
                           Uid through, ModSeq highest_modseq) {
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, folder);
    adopt_validity(row, folder, uid_validity);
    FolderProgress& progress = row.progress;
    progress.done_through = std::max(progress.done_through, through);
    if (highest_modseq != 0) progress.highest_modseq = highest_modseq;
    remove_through(progress.done_beyond, progress.done_through);
    if (!progress.done_beyond.empty() && progress.done_beyond.front().first == progress.done_through + 1) {
      progress.done_through = progress.done_beyond.front().last;
      progress.done_beyond.erase(progress.done_beyond.begin());
    }
  });
}

void SqliteLedger::restart_folder(const std::string& account, const std::string& folder, std::uint32_t uid_validity) {
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, folder);
    restart(context, row, uid_validity);
  });
}

std::vector<bool> SqliteLedger::adopt(const std::string& account, const std::string& folder, std::uint32_t uid_validity,
                                      const std::vector<Shown>& shown, const std::unordered_set<std::string>& gone) {
  std::vector<bool> known;
  if (shown.empty()) return known;
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, folder);
    if (shown.front().uid != 0) adopt_validity(row, folder, uid_validity);
    known.assign(shown.size(), false);
    for (std::size_t i = 0; i < shown.size(); ++i) known[i] = sqlite::adopt(context, row, shown[i], gone);
  });
  return known;
}

void SqliteLedger::end_matching(const std::string& account, const std::string& folder) {
  database_.write([&](WriteContext& context) { sqlite::end_matching(context, context.folders.get(account, folder)); });
}

void SqliteLedger::mark_done(const std::string& account, const std::string& folder, std::uint32_t uid_validity,
                             const std::vector<UidRange>& uids) {
  if (uids.empty()) return;
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, folder);
    adopt_validity(row, folder, uid_validity);
    for (const UidRange& range : uids) sqlite::mark_done(row.progress, range);
  });
}

void SqliteLedger::rewind(const std::string& account, const std::string& folder, Uid through) {
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, folder);
    {
      // Without an index: it happens once in years.
      Query query = context.db.query("SELECT max(uid) FROM messages WHERE folder = ?1 AND uid_validity = ?2");
      query.bind(row.id, row.progress.uid_validity);
      through = std::min(through, query.next() ? query.number<Uid>(0) : 0);
    }
    FolderProgress& progress = row.progress;
    progress.done_through = std::min(progress.done_through, through);
    remove_above(progress.done_beyond, through);
    remove_above(progress.skipped, through);
    progress.highest_modseq = 0;
    row.changed = true;
    context.db.query("DELETE FROM cleanups WHERE folder = ?1 AND uid > ?2").bind(row.id, through).run();
    context.db.query("DELETE FROM troubles WHERE folder = ?1 AND uid > ?2").bind(row.id, through).run();
  });
}

std::vector<bool> SqliteLedger::known_identities(const std::string& account,
                                                 const std::vector<std::string>& identities) const {
  auto db = database_.readers.lend();
  std::vector<bool> known;
  Query query = db->query(
      "SELECT 1 FROM folders f JOIN identities i ON i.account = f.id"
      " WHERE f.account = ?1 AND f.folder = '' AND i.identity = ?2");
  for (const std::string& identity : identities) {
    query.bind(account, identity);
    known.push_back(!identity.empty() && query.next());
  }
  return known;
}

void SqliteLedger::note_copies(const std::vector<Copy>& copies, mail::WallTime now) {
  if (copies.empty()) return;
  database_.write([&](WriteContext& context) {
    for (const Copy& copy : copies) note_copy(context, copy, now);
  });
}

void SqliteLedger::skip(const SourceRef& source, mail::WallTime now, const std::string& reason) {
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(source.account, source.folder);
    if (source.uid != 0) {
      adopt_validity(row, source.folder, source.uid_validity);
      if (row.progress.done(source.uid)) return;
    }
    step_over(context, row, source, now, reason);
  });
}

void SqliteLedger::forget_skipped(const std::string& account) {
  database_.write([&](WriteContext& context) {
    std::vector<std::string> folders;
    {
      Query query = context.db.query("SELECT folder FROM folders WHERE account = ?1");
      query.bind(account);
      while (query.next()) folders.push_back(query.string(0));
    }
    for (const std::string& folder : folders) {
      FolderRow& row = context.folders.get(account, folder);
      context.db.query("DELETE FROM uidls WHERE folder = ?1 AND skipped").bind(row.id).run();
      context.db.query("DELETE FROM troubles WHERE folder = ?1").bind(row.id).run();
      row.troubled = false;
      if (row.progress.skipped.empty()) continue;
      forget_skipped_uids(row.progress);
      row.changed = true;
    }
  });
}

unsigned SqliteLedger::note_trouble(const SourceRef& source, mail::WallTime now, const std::string& reason) {
  unsigned attempts = 0;
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(source.account, source.folder);
    if (source.uid != 0) adopt_validity(row, source.folder, source.uid_validity);
    std::string uidl = trouble_uidl(source);
    attempts = 1;
    {
      Query query = context.db.query("SELECT attempts FROM troubles WHERE folder = ?1 AND uid = ?2 AND uidl = ?3");
      query.bind(row.id, source.uid, uidl);
      if (query.next()) attempts = std::min(query.number<unsigned>(0), kMaxCountedAttempts) + 1;
    }
    std::string text = mail::printable(reason, kMaxTroubleReason);
    bool poison = attempts >= kPoisonAttempts;
    context.db
        .query(
            "INSERT OR REPLACE INTO troubles (folder, uid, uidl, attempts, last, next_try, reason)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        .bind(row.id, source.uid, uidl, attempts, now, poison ? now + kPoisonRetry : now, text)
        .run();
    row.troubled = true;
    if (poison && !is_done(context, row, source)) step_over(context, row, source, now, text);
  });
  return attempts;
}

std::vector<Trouble> SqliteLedger::troubles(const std::string& account) const {
  auto db = database_.readers.lend();
  std::vector<Trouble> found;
  Query query = db->query(
      "SELECT f.account, f.folder, f.uid_validity, t.uid, t.uidl, t.attempts, t.last, t.next_try, t.reason"
      " FROM troubles t JOIN folders f ON f.id = t.folder"
      " WHERE ?1 = '' OR f.account = ?1 ORDER BY f.account, f.folder, t.uid, t.uidl");
  query.bind(account);
  while (query.next()) {
    Trouble trouble;
    trouble.source = {query.string(0), query.string(1), query.number<std::uint32_t>(2), query.number<Uid>(3),
                      query.string(4)};
    trouble.attempts = query.number<unsigned>(5);
    trouble.last = query.time(6);
    trouble.next_try = query.time(7);
    trouble.reason = query.string(8);
    trouble.stepped_over = trouble.attempts >= kPoisonAttempts;
    found.push_back(std::move(trouble));
  }
  return found;
}

void SqliteLedger::forget_troubles(const std::vector<SourceRef>& sources) {
  if (sources.empty()) return;
  database_.write([&](WriteContext& context) {
    for (const SourceRef& source : sources) {
      FolderRow& row = context.folders.get(source.account, source.folder);
      if (row.troubled) context.folders.forget_trouble(row, source.uid, trouble_uidl(source));
    }
  });
}

void SqliteLedger::visit_uidls(const std::string& account, const std::function<void(std::string_view)>& visit) const {
  auto db = database_.readers.lend();
  std::int64_t folder = 0;
  {
    Query query = db->query("SELECT id FROM folders WHERE account = ?1 AND folder = ''");
    query.bind(account);
    if (!query.next()) return;
    folder = query.integer(0);
  }
  // The order of the primary key: nothing is sorted.
  Query query = db->query("SELECT uidl FROM uidls WHERE folder = ?1 ORDER BY uidl");
  query.bind(folder);
  while (query.next()) visit(query.text(0));
}

void SqliteLedger::mark_uidls(const std::string& account, const std::vector<std::string>& uidls) {
  if (uidls.empty()) return;
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, "");
    for (const std::string& uidl : uidls) {
      context.db.query("INSERT OR IGNORE INTO uidls (folder, uidl, message, skipped) VALUES (?1, ?2, 0, 0)")
          .bind(row.id, uidl)
          .run();
    }
  });
}

void SqliteLedger::visit_retrieved(const std::string& account,
                                   const std::function<void(const RetrievedMessage&)>& visit) const {
  auto db = database_.readers.lend();
  Query query = db->query(
      "SELECT u.uidl, m.message_id, m.sender, m.subject, m.size FROM folders f JOIN uidls u ON u.folder = f.id"
      " JOIN messages m ON m.id = u.message WHERE f.account = ?1 AND f.folder = '' AND NOT u.skipped");
  query.bind(account);
  while (query.next()) {
    RetrievedMessage message;
    message.uidl = query.string(0);
    if (!query.null(1)) message.message_id = query.string(1);
    message.from = query.string(2);
    message.subject = query.string(3);
    message.size = query.number<mail::ByteCount>(4);
    visit(message);
  }
}

// All old names go before the first new one comes: a new name may have been another message's old one.
void SqliteLedger::rename_uidls(const std::string& account,
                                const std::vector<std::pair<std::string, std::string>>& names) {
  if (names.empty()) return;
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, "");
    struct Kept {
      const std::string* name;
      MessageId message;
      bool skipped;
      std::optional<mail::WallTime> cleanup;
    };
    std::vector<Kept> all;
    for (const auto& [old_name, new_name] : names) {
      Query found = context.db.query(
          "SELECT u.message, u.skipped, c.due FROM uidls u LEFT JOIN cleanups c"
          " ON c.folder = u.folder AND c.uid = 0 AND c.uidl = u.uidl WHERE u.folder = ?1 AND u.uidl = ?2");
      found.bind(row.id, old_name);
      if (!found.next()) continue;
      all.push_back({&new_name, found.integer(0), found.integer(1) != 0,
                     found.null(2) ? std::nullopt : std::optional(found.time(2))});
    }
    for (const auto& names_of_one : names) {
      const std::string& old_name = names_of_one.first;
      context.db.query("DELETE FROM uidls WHERE folder = ?1 AND uidl = ?2").bind(row.id, old_name).run();
      context.db.query("DELETE FROM cleanups WHERE folder = ?1 AND uid = 0 AND uidl = ?2").bind(row.id, old_name).run();
      if (row.troubled) context.folders.forget_trouble(row, 0, old_name);
    }
    for (const Kept& kept : all) {
      context.db.query("INSERT OR IGNORE INTO uidls (folder, uidl, message, skipped) VALUES (?1, ?2, ?3, ?4)")
          .bind(row.id, *kept.name, kept.message, kept.skipped ? 1 : 0)
          .run();
      if (!kept.cleanup) continue;
      context.db.query("INSERT OR IGNORE INTO cleanups (folder, uid, uidl, message, due) VALUES (?1, 0, ?2, ?3, ?4)")
          .bind(row.id, *kept.name, kept.message, *kept.cleanup)
          .run();
    }
  });
}

void SqliteLedger::forget_uidls(const std::string& account, const std::vector<std::string>& gone) {
  if (gone.empty()) return;
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, "");
    for (const std::string& uidl : gone) {
      context.db.query("DELETE FROM uidls WHERE folder = ?1 AND uidl = ?2").bind(row.id, uidl).run();
      context.db.query("DELETE FROM cleanups WHERE folder = ?1 AND uid = 0 AND uidl = ?2").bind(row.id, uidl).run();
      if (row.troubled) context.folders.forget_trouble(row, 0, uidl);
    }
  });
}

std::vector<Cleanup> SqliteLedger::cleanup_due(const std::string& account, const std::string& folder,
                                               mail::WallTime now) const {
  auto db = database_.readers.lend();
  std::vector<Cleanup> due;
  Query query = db->query(
      "SELECT c.uid, c.uidl, c.due FROM folders f JOIN cleanups c ON c.folder = f.id"
      " WHERE f.account = ?1 AND f.folder = ?2 AND c.due <= ?3 ORDER BY c.uid, c.message");
  query.bind(account, folder, now);
  while (query.next()) due.push_back({query.number<Uid>(0), query.string(1), query.time(2)});
  return due;
}

void SqliteLedger::cleaned_uids(const std::string& account, const std::string& folder, const std::vector<Uid>& uids) {
  if (uids.empty()) return;
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, folder);
    for (Uid uid : uids) end_cleanup(context, row.id, uid, "", "at its source");
  });
}

void SqliteLedger::cleaned_uidls(const std::string& account, const std::vector<std::string>& uidls, bool deleted) {
  if (uidls.empty()) return;
  database_.write([&](WriteContext& context) {
    FolderRow& row = context.folders.get(account, "");
    for (const std::string& uidl : uidls) {
      end_cleanup(context, row.id, 0, uidl, deleted ? "deleted at its source" : "at its source");
      if (!deleted) continue;
      context.db.query("DELETE FROM uidls WHERE folder = ?1 AND uidl = ?2").bind(row.id, uidl).run();
    }
  });
}

}  // namespace mailstead::storage::sqlite
