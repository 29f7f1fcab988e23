#include "storage/sqlite/content_table.h"

#include <algorithm>

namespace mailstead::storage::sqlite {

ContentId ContentTable::keep(const NewContent& content) {
  {
    Query known = db_.query("SELECT id FROM contents WHERE digest = ?1");
    known.bind(content.digest);
    if (known.next()) return known.integer(0);
  }
  mail::ByteCount size = content.bytes->size();
  segments::Place place = appender_.append(content.bytes, content.digest);
  db_.query(
         "INSERT INTO contents (segment, offset, size, header_size, digest, structure) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
      .bind(place.segment, place.offset, size, content.header_size, content.digest, Blob{content.structure})
      .run();
  ContentId id = db_.last_id();
  count(place, size);
  return id;
}

std::optional<mail::ByteCount> ContentTable::size(ContentId id) {
  Query query = db_.query("SELECT size FROM contents WHERE id = ?1");
  query.bind(id);
  if (!query.next()) return std::nullopt;
  return query.number<mail::ByteCount>(0);
}

void ContentTable::loosen(ContentId id) {
  db_.query("INSERT OR IGNORE INTO loosened (content) VALUES (?1)").bind(id).run();
}

bool ContentTable::drop_if_unused(ContentId id) {
  segments::Place place;
  mail::ByteCount size = 0;
  {
    Query query = db_.query(
        "SELECT segment, offset, size FROM contents WHERE id = ?1"
        " AND NOT EXISTS (SELECT 1 FROM placements WHERE content = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE content = ?1)");
    query.bind(id);
    if (!query.next()) return false;
    place = {query.integer(0), query.number<mail::ByteCount>(1)};
    size = query.number<mail::ByteCount>(2);
  }
  db_.query("DELETE FROM contents WHERE id = ?1").bind(id).run();
  deltas_[place.segment].live -= static_cast<std::int64_t>(segments::kRecordHeaderSize + size);
  return true;
}

bool ContentTable::move(ContentId id, segments::Place from, const std::shared_ptr<const mail::Content>& bytes,
                        const mail::Sha256& digest) {
  {
    Query query = db_.query("SELECT 1 FROM contents WHERE id = ?1 AND segment = ?2 AND offset = ?3");
    query.bind(id, from.segment, from.offset);
    if (!query.next()) return false;
  }
  segments::Place place = appender_.append(bytes, digest);
  db_.query("UPDATE contents SET segment = ?2, offset = ?3 WHERE id = ?1").bind(id, place.segment, place.offset).run();
  count(place, bytes->size());
  deltas_[from.segment].live -= static_cast<std::int64_t>(segments::kRecordHeaderSize + bytes->size());
  return true;
}

void ContentTable::count(segments::Place place, mail::ByteCount size) {
  Delta& delta = deltas_[place.segment];
  mail::ByteCount length = segments::kRecordHeaderSize + size;
  delta.end = std::max(delta.end, place.offset + length);
  delta.live += static_cast<std::int64_t>(length);
}

void ContentTable::write_back() {
  for (const auto& [segment, delta] : deltas_) {
    db_.query(
           "INSERT INTO segments (id, bytes, live) VALUES (?1, ?2, ?3)"
           " ON CONFLICT (id) DO UPDATE SET bytes = max(bytes, excluded.bytes), live = live + excluded.live")
        .bind(segment, delta.end, delta.live)
        .run();
  }
  deltas_.clear();
  segments::SegmentId next = appender_.state().next_segment;
  if (next == next_segment_written_) return;
  db_.query("UPDATE counters SET value = max(value, ?1) WHERE name = 'next_segment'").bind(next).run();
  next_segment_written_ = next;
}

}  // namespace mailstead::storage::sqlite
