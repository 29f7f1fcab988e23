// The writer's side of the segments: appends records to the active one, adopts large spool files as segments of their
// own, syncs once per group. What was not kept (the transaction that refers to it failed) is overwritten.
//
// One thread. Order of calls per group: append…, sync, then keep (the database has committed) or rewind.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "mail/content.h"
#include "storage/segments/record.h"
#include "storage/segments/segment_file.h"

namespace mailstead::storage::segments {

struct AppenderState {
  SegmentId active = 0;     // 0: none yet
  mail::ByteCount end = 0;  // of the active segment
  SegmentId next_segment = 1;
};

class Appender {
 public:
  // Cuts the active segment at its end: a torn tail is what no row refers to. `adopt_above`: a spooled content of at
  // least this size becomes a segment.
  Appender(SegmentDirectory& directory, mail::ByteCount segment_size, mail::ByteCount adopt_above, AppenderState state);

  // Records may still be in memory until sync(). Throws Failure(kStorage, kProcess): rewind() then.
  [[nodiscard]] Place append(std::shared_ptr<const mail::Content> content, const mail::Sha256& digest);
  // Throws SyncFailed.
  void sync();
  void keep();
  void rewind() noexcept;
  // The next record begins a new segment.
  void seal() noexcept { state_.active = 0; }

  [[nodiscard]] const AppenderState& state() const noexcept { return state_; }

 private:
  struct Waiting {
    EncodedHeader header;
    std::shared_ptr<const mail::Content> content;
  };

  [[nodiscard]] std::optional<Place> adopt(const mail::Content& content, const mail::Sha256& digest);
  void roll();
  void write_waiting();
  void copy(const mail::Content& content, const EncodedHeader& header);
  void open_active();

  SegmentDirectory& directory_;
  const mail::ByteCount segment_size_;
  const mail::ByteCount adopt_above_;

  AppenderState state_;
  AppenderState kept_;
  std::shared_ptr<const File> file_;  // the active segment

  std::deque<Waiting> waiting_;  // records in memory, to be written at waiting_begin_
  mail::ByteCount waiting_begin_ = 0;
  mail::ByteCount waiting_bytes_ = 0;

  std::vector<std::shared_ptr<const File>> unsynced_;
  std::vector<SegmentId> created_;  // in this group
};

}  // namespace mailstead::storage::segments
