// The rows of contents and segments, for the writer.
#pragma once

#include <map>
#include <optional>

#include "storage/acceptance.h"
#include "storage/segments/appender.h"
#include "storage/sqlite/connection.h"

namespace mailstead::storage::sqlite {

class ContentTable {
 public:
  ContentTable(Connection& db, segments::Appender& appender) : db_(db), appender_(appender) {}

  // The row of these bytes: the one that is there, or a new one with the bytes appended.
  [[nodiscard]] ContentId keep(const NewContent& content);
  [[nodiscard]] std::optional<mail::ByteCount> size(ContentId id);
  // A reference has gone; tidying looks whether it was the last.
  void loosen(ContentId id);
  // Removes the row unless something refers to it; false then.
  bool drop_if_unused(ContentId id);
  // The same bytes now lie elsewhere. False when the row is no longer at `from`.
  bool move(ContentId id, segments::Place from, const std::shared_ptr<const mail::Content>& bytes,
            const mail::Sha256& digest);

  void write_back();
  void reset() noexcept {
    deltas_.clear();
    next_segment_written_ = 0;
  }

 private:
  struct Delta {
    mail::ByteCount end = 0;
    std::int64_t live = 0;
  };
  void count(segments::Place place, mail::ByteCount size);

  Connection& db_;
  segments::Appender& appender_;
  std::map<segments::SegmentId, Delta> deltas_;
  segments::SegmentId next_segment_written_ = 0;
};

}  // namespace mailstead::storage::sqlite
