// The housekeeping behind Store::tidy, in slices small enough that no other command waits long for the writer.
#pragma once

#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

class Tidying {
 public:
  explicit Tidying(const Database& database) : database_(database) {}
  // One caller at a time.
  void run(mail::WallTime now);

 private:
  void drop_unused_contents();
  void compact_segments();
  void compact(segments::SegmentId segment);
  [[nodiscard]] bool move_slice(segments::SegmentId segment, ContentId& after);
  void remove_empty_segments();
  void forget_fingerprints(mail::WallTime now);
  void forget_remembered(mail::WallTime now);
  void prune_history(mail::WallTime now);
  void prune_vanished();

  const Database& database_;
  MessageId history_seen_ = 0;  // where the last walk over old messages ended
};

}  // namespace mailstead::storage::sqlite
