#include "storage/sqlite/content_store.h"

#include "mail/units.h"

#include <optional>

namespace mailstead::storage::sqlite {
namespace {

// The place may change between looking it up and opening its file, when the segment was rewritten in between.
constexpr int kTries = 5;

mail::Failure unreadable(ContentId id, const std::string& why) {
  return {mail::FailureKind::kStorage, mail::FailureScope::kMessage,
          "the message (content " + std::to_string(id) + ") " + why};
}

struct Located {
  segments::Place place;
  mail::ByteCount size = 0;
  mail::Sha256 digest{};
};

std::optional<Located> locate(ReaderPool& readers, ContentId id) {
  auto db = readers.lend();
  Query query = db->query("SELECT segment, offset, size, digest FROM contents WHERE id = ?1");
  query.bind(id);
  if (!query.next()) return std::nullopt;
  return Located{
      {query.integer(0), query.number<mail::ByteCount>(1)}, query.number<mail::ByteCount>(2), query.digest(3)};
}

}  // namespace

bool has_digest(const mail::Content& content, const mail::Sha256& digest) {
  mail::Sha256Stream stream;
  mail::ByteCount seen = 0;
  mail::for_each_chunk(content, 0, content.size(), [&](std::string_view chunk) {
    stream.update(chunk);
    seen += chunk.size();
  });
  return seen == content.size() && stream.finish() == digest;
}

SqliteContentStore::SqliteContentStore(const Database& database, ContentLimits limits)
    : database_(database), limits_(limits), budget_(std::make_shared<segments::MemoryBudget>(limits.memory_budget)) {}

std::unique_ptr<IncomingContent> SqliteContentStore::begin(mail::ByteCount size_hint) {
  static_cast<void>(database_.writing());
  mail::ByteCount free = database_.directory.free_bytes();
  if (free < limits_.min_free) {
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess,
                        "the disk of " + database_.directory.path() + " has only " + mail::format_size(free) +
                            " left: nothing new is begun below " + mail::format_size(limits_.min_free));
  }
  return std::make_unique<segments::SpoolingContent>(
      segments::SpoolSettings{database_.directory.spool(), limits_.spool_above}, budget_, size_hint);
}

std::shared_ptr<const mail::Content> SqliteContentStore::open(ContentId id) const {
  for (int tries = 0; tries < kTries; ++tries) {
    std::optional<Located> located = locate(database_.readers, id);
    if (!located) throw unreadable(id, "is no longer here");
    std::shared_ptr<const segments::File> file = database_.segments.open(located->place.segment);
    if (file == nullptr) continue;
    auto content = std::make_shared<segments::SegmentContent>(
        std::move(file), located->place.offset + segments::kRecordHeaderSize, located->size);
    if (!verified_->has(id)) {
      if (!has_digest(*content, located->digest)) throw unreadable(id, "is damaged on the disk");
      verified_->add(id);
    }
    return content;
  }
  throw unreadable(id, "has lost its segment file");
}

}  // namespace mailstead::storage::sqlite
