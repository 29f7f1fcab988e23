#include "storage/sqlite/checking.h"

#include "storage/sqlite/content_store.h"

#include <array>
#include <map>

namespace mailstead::storage::sqlite {
namespace {

constexpr std::size_t kMaxProblems = 200;

class Checking {
 public:
  Checking(const Database& database, Connection& db, bool deep) : database_(database), db_(db), deep_(deep) {}

  CheckReport run() {
    try {
      ReadTransaction view(db_);
      if (std::string complaints = db_.complaints(true); !complaints.empty()) problem("database: " + complaints);
      count_messages();
      check_contents();
      check_segments();
      check_mailboxes();
      check_references();
    } catch (const mail::Failure& failure) {
      problem(failure.text() + (failure.detail().empty() ? "" : " (" + failure.detail() + ")"));
    }
    return std::move(report_);
  }

 private:
  void problem(std::string text) {
    if (report_.problems.size() < kMaxProblems) report_.problems.push_back(std::move(text));
    if (report_.problems.size() == kMaxProblems) report_.problems.emplace_back("… and more");
  }

  void count_messages() {
    Query query = db_.query("SELECT count(*) FROM placements");
    if (query.next()) report_.messages = query.number<std::uint64_t>(0);
  }

  struct Sum {
    mail::ByteCount live = 0;
    mail::ByteCount end = 0;
  };

  void check_contents() {
    Query query = db_.query("SELECT id, segment, offset, size, digest FROM contents ORDER BY segment, offset");
    segments::SegmentId segment = 0;
    mail::ByteCount before = 0;
    while (query.next()) {
      ContentId id = query.integer(0);
      segments::Place place{query.integer(1), query.number<mail::ByteCount>(2)};
      mail::ByteCount size = query.number<mail::ByteCount>(3);
      if (place.segment != segment) before = 0;
      segment = place.segment;
      if (place.offset < before) problem(name(id) + " overlaps the one before it in " + file_name(place.segment));
      before = place.offset + segments::kRecordHeaderSize + size;
      sums_[place.segment].live += segments::kRecordHeaderSize + size;
      sums_[place.segment].end = before;
      ++report_.contents;
      check_record(id, place, {size, query.digest(4)});
    }
  }

  void check_record(ContentId id, segments::Place place, const segments::RecordHeader& expected) {
    std::shared_ptr<const segments::File> file = database_.segments.open(place.segment);
    if (file == nullptr) return problem(name(id) + ": " + file_name(place.segment) + " is missing");
    std::array<char, segments::kRecordHeaderSize> bytes{};
    std::size_t got = file->read_at(place.offset, bytes);
    auto header = segments::decode({bytes.data(), got});
    if (!header || !(*header == expected)) {
      return problem(name(id) + ": the record in " + file_name(place.segment) + " at " + std::to_string(place.offset) +
                     " is not the one expected");
    }
    segments::SegmentContent content(file, place.offset + segments::kRecordHeaderSize, expected.size);
    try {
      if (deep_ && !has_digest(content, expected.digest)) problem(name(id) + ": the bytes do not have their digest");
      if (!deep_ && file->size() < place.offset + segments::kRecordHeaderSize + expected.size) {
        problem(name(id) + ": " + file_name(place.segment) + " ends too early");
      }
    } catch (const mail::Failure& failure) {
      problem(name(id) + ": " + failure.text());
    }
  }

  void check_segments() {
    Query query = db_.query("SELECT id, bytes, live FROM segments");
    while (query.next()) {
      segments::SegmentId id = query.integer(0);
      Sum sum = sums_[id];
      auto bytes = query.number<mail::ByteCount>(1);
      auto live = query.number<mail::ByteCount>(2);
      ++report_.segments;
      report_.bytes += bytes;
      report_.dead_bytes += bytes - std::min(live, bytes);
      if (live != sum.live || bytes < sum.end) problem(file_name(id) + ": its counts are wrong");
      sums_.erase(id);
    }
    for (const auto& [id, sum] : sums_) {
      if (sum.live > 0) problem(file_name(id) + " is not in the table of segments");
    }
  }

  void check_mailboxes() {
    Query query = db_.query(
        "SELECT b.user || '/' || b.name FROM mailboxes b LEFT JOIN"
        " (SELECT mailbox, count(*) AS n, sum(NOT flags & 1) AS unseen, sum((flags & 8) <> 0) AS deleted,"
        "  sum(size) AS bytes, max(uid) AS uid, max(modseq) AS modseq FROM placements GROUP BY mailbox) p"
        " ON p.mailbox = b.id WHERE b.messages <> coalesce(p.n, 0) OR b.unseen <> coalesce(p.unseen, 0)"
        " OR b.deleted <> coalesce(p.deleted, 0) OR b.bytes <> coalesce(p.bytes, 0) OR b.uid_next <= coalesce(p.uid, 0)"
        " OR b.highest_modseq < coalesce(p.modseq, 0)");
    while (query.next()) problem("mailbox " + query.string(0) + ": its counts are wrong");
    Query owners = db_.query(
        "SELECT o.name FROM owners o JOIN mailboxes b ON b.user = o.name GROUP BY o.name"
        " HAVING o.modseq < max(b.highest_modseq) OR o.uid_validity < max(b.uid_validity)");
    while (owners.next()) problem("user " + owners.string(0) + ": the counters are behind the mailboxes");
  }

  void check_references() {
    Query placements = db_.query(
        "SELECT count(*) FROM placements p WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.id = p.content)"
        " OR NOT EXISTS (SELECT 1 FROM mailboxes b WHERE b.id = p.mailbox)");
    if (placements.next() && placements.integer(0) > 0) problem(placements.string(0) + " placements refer to nothing");
    Query sizes =
        db_.query("SELECT count(*) FROM placements p JOIN contents c ON c.id = p.content WHERE p.size <> c.size");
    if (sizes.next() && sizes.integer(0) > 0) problem(sizes.string(0) + " placements have a wrong size");
    Query deliveries = db_.query(
        "SELECT count(*) FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.id = d.content)"
        " OR NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = d.message)");
    if (deliveries.next() && deliveries.integer(0) > 0) problem(deliveries.string(0) + " deliveries refer to nothing");
    Query unused = db_.query(
        "SELECT count(*) FROM contents c WHERE NOT EXISTS (SELECT 1 FROM placements WHERE content = c.id)"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE content = c.id)"
        " AND NOT EXISTS (SELECT 1 FROM loosened WHERE content = c.id)");
    if (unused.next() && unused.integer(0) > 0) problem(unused.string(0) + " contents have no reference");
    Query foreign = db_.query("PRAGMA foreign_key_check");
    if (foreign.next()) problem("table " + foreign.string(0) + " refers to rows that are not there");
  }

  static std::string name(ContentId id) { return "content " + std::to_string(id); }
  static std::string file_name(segments::SegmentId id) { return segments::segment_name(id); }

  const Database& database_;
  Connection& db_;
  const bool deep_;
  CheckReport report_;
  std::map<segments::SegmentId, Sum> sums_;
};

}  // namespace

CheckReport check(const Database& database, bool deep) {
  auto db = database.readers.lend();
  return Checking(database, *db, deep).run();
}

}  // namespace mailstead::storage::sqlite
