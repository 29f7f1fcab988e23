#include "storage/sqlite/tidying.h"

#include "storage/sqlite/content_store.h"

#include <chrono>
#include <vector>

namespace mailstead::storage::sqlite {
namespace {

using mail::operator""_MiB;

constexpr int kRowsPerSlice = 1000;
constexpr mail::ByteCount kBytesPerSlice = 4_MiB;
constexpr int kRecordsPerSlice = 500;
// How long the history of a message that lies nowhere any more is kept.
constexpr std::chrono::hours kHistoryKept = std::chrono::hours(24) * 400;
constexpr int kVanishedKept = 2'000;  // ranges per mailbox

struct Record {
  ContentId id = 0;
  segments::Place place;
  mail::ByteCount size = 0;
  mail::Sha256 digest{};
};

std::vector<std::int64_t> read_ids(Query& query) {
  std::vector<std::int64_t> ids;
  while (query.next()) ids.push_back(query.integer(0));
  return ids;
}

}  // namespace

void Tidying::run(mail::WallTime now) {
  drop_unused_contents();
  forget_fingerprints(now);
  forget_remembered(now);
  prune_history(now);
  prune_vanished();
  compact_segments();
}

void Tidying::drop_unused_contents() {
  for (std::size_t found = kRowsPerSlice; found == kRowsPerSlice;) {
    {
      auto db = database_.readers.lend();
      Query query = db->query("SELECT 1 FROM loosened LIMIT 1");
      if (!query.next()) return;
    }
    database_.write([&](WriteContext& context) {
      std::vector<std::int64_t> ids;
      {
        Query query = context.db.query("SELECT content FROM loosened LIMIT ?1");
        query.bind(kRowsPerSlice);
        ids = read_ids(query);
      }
      for (ContentId id : ids) {
        context.contents.drop_if_unused(id);
        context.db.query("DELETE FROM loosened WHERE content = ?1").bind(id).run();
      }
      found = ids.size();
    });
  }
}

void Tidying::compact_segments() {
  std::vector<std::int64_t> half_dead;
  {
    auto db = database_.readers.lend();
    Query query = db->query("SELECT id FROM segments WHERE live * 2 < bytes ORDER BY id");
    half_dead = read_ids(query);
  }
  if (half_dead.empty()) return;
  // The active segment cannot be rewritten into itself.
  database_.write([&](WriteContext& context) {
    for (segments::SegmentId id : half_dead) {
      if (context.appender.state().active == id) context.appender.seal();
    }
  });
  for (segments::SegmentId id : half_dead) compact(id);
  remove_empty_segments();
}

void Tidying::compact(segments::SegmentId segment) {
  ContentId after = 0;
  while (move_slice(segment, after)) {
  }
}

// Reads and verifies outside the writer. A record that is damaged stays where it is, and its segment with it, for
// `check` to report.
bool Tidying::move_slice(segments::SegmentId segment, ContentId& after) {
  std::vector<Record> records;
  {
    auto db = database_.readers.lend();
    mail::ByteCount bytes = 0;
    Query query =
        db->query("SELECT id, offset, size, digest FROM contents WHERE segment = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    query.bind(segment, after, kRecordsPerSlice);
    while (bytes < kBytesPerSlice && query.next()) {
      records.push_back({query.integer(0),
                         {segment, query.number<mail::ByteCount>(1)},
                         query.number<mail::ByteCount>(2),
                         query.digest(3)});
      bytes += records.back().size;
    }
  }
  if (records.empty()) return false;
  after = records.back().id;
  std::shared_ptr<const segments::File> file = database_.segments.open(segment);
  if (file == nullptr) return false;
  std::vector<std::pair<Record, std::shared_ptr<const mail::Content>>> sound;
  for (const Record& record : records) {
    auto content = std::make_shared<segments::SegmentContent>(file, record.place.offset + segments::kRecordHeaderSize,
                                                              record.size);
    try {
      if (has_digest(*content, record.digest)) sound.emplace_back(record, std::move(content));
    } catch (const mail::Failure&) {
      // Unreadable: stays.
    }
  }
  database_.write([&](WriteContext& context) {
    for (const auto& [record, content] : sound) context.contents.move(record.id, record.place, content, record.digest);
  });
  return true;
}

void Tidying::remove_empty_segments() {
  std::vector<std::int64_t> empty;
  database_.write([&](WriteContext& context) {
    Query query = context.db.query(
        "SELECT id FROM segments s WHERE live <= 0 AND id <> ?1"
        " AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.segment = s.id)");
    query.bind(context.appender.state().active);
    empty = read_ids(query);
    for (segments::SegmentId id : empty) context.db.query("DELETE FROM segments WHERE id = ?1").bind(id).run();
  });
  for (segments::SegmentId id : empty) {
    database_.segments.forget(id);
    segments::remove_file(database_.segments.path_of(id));
  }
}

void Tidying::forget_fingerprints(mail::WallTime now) {
  for (std::int64_t forgotten = kRowsPerSlice; forgotten == kRowsPerSlice;) {
    {
      auto db = database_.readers.lend();
      Query query = db->query("SELECT 1 FROM messages WHERE forget < ?1 LIMIT 1");
      query.bind(now);
      if (!query.next()) return;
    }
    database_.write([&](WriteContext& context) {
      context.db
          .query(
              "UPDATE messages SET fingerprint = NULL, forget = NULL WHERE id IN"
              " (SELECT id FROM messages WHERE forget < ?1 LIMIT ?2)")
          .bind(now, kRowsPerSlice)
          .run();
      forgotten = context.db.changes();
    });
  }
}

void Tidying::forget_remembered(mail::WallTime now) {
  for (std::int64_t forgotten = kRowsPerSlice; forgotten == kRowsPerSlice;) {
    {
      auto db = database_.readers.lend();
      Query query = db->query("SELECT 1 FROM remembered WHERE until < ?1 LIMIT 1");
      query.bind(now);
      if (!query.next()) return;
    }
    database_.write([&](WriteContext& context) {
      context.db
          .query(
              "DELETE FROM remembered WHERE key IN (SELECT key FROM remembered WHERE until < ?1 ORDER BY until"
              " LIMIT ?2)")
          .bind(now, kRowsPerSlice)
          .run();
      forgotten = context.db.changes();
    });
  }
}

// Walks on from where it stopped, a slice a call, since most old messages are still in a mailbox.
void Tidying::prune_history(mail::WallTime now) {
  std::vector<std::int64_t> old;
  {
    auto db = database_.readers.lend();
    Query query = db->query("SELECT id FROM messages WHERE id > ?1 AND accepted < ?2 ORDER BY id LIMIT ?3");
    Query first = db->query("SELECT accepted FROM messages WHERE id > ?1 ORDER BY id LIMIT 1");
    first.bind(history_seen_);
    mail::WallTime oldest = now - kHistoryKept;
    if (first.next() && first.time(0) < oldest) {
      query.bind(history_seen_, oldest, kRowsPerSlice);
      old = read_ids(query);
    }
  }
  if (old.empty()) {
    history_seen_ = 0;
    return;
  }
  history_seen_ = old.back();
  database_.write([&](WriteContext& context) {
    for (MessageId id : old) {
      context.db
          .query(
              "DELETE FROM messages WHERE id = ?1 AND fingerprint IS NULL"
              " AND NOT EXISTS (SELECT 1 FROM placements WHERE message = ?1)"
              " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?1)")
          .bind(id)
          .run();
      if (context.db.changes() == 0) continue;
      context.db.query("DELETE FROM events WHERE message = ?1").bind(id).run();
    }
  });
}

void Tidying::prune_vanished() {
  std::vector<std::int64_t> crowded;
  {
    auto db = database_.readers.lend();
    Query query = db->query("SELECT mailbox FROM vanished GROUP BY mailbox HAVING count(*) > ?1");
    query.bind(2 * kVanishedKept);
    crowded = read_ids(query);
  }
  for (MailboxId id : crowded) {
    database_.write([&](WriteContext& context) {
      MailboxRow* row = context.mailboxes.find(id);
      if (row == nullptr) return;
      Query query =
          context.db.query("SELECT modseq FROM vanished WHERE mailbox = ?1 ORDER BY modseq DESC LIMIT 1 OFFSET ?2");
      query.bind(id, kVanishedKept);
      if (!query.next()) return;
      row->vanished_floor = query.number<ModSeq>(0);
      context.db.query("UPDATE mailboxes SET vanished_floor = ?2 WHERE id = ?1").bind(id, row->vanished_floor).run();
      context.db.query("DELETE FROM vanished WHERE mailbox = ?1 AND modseq <= ?2").bind(id, row->vanished_floor).run();
    });
  }
}

}  // namespace mailstead::storage::sqlite
