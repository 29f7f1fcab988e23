#include "storage/segments/appender.h"

#include "storage/segments/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace mailstead::storage::segments {
namespace {

using mail::operator""_KiB;
using mail::operator""_MiB;

// A write call carries at most this much; the pages go on their way to the disk while the next ones are prepared.
constexpr mail::ByteCount kWriteBytes = 4_MiB;
constexpr std::size_t kWriteRecords = 500;
constexpr mail::ByteCount kCopyBuffer = 256_KiB;

}  // namespace

Appender::Appender(SegmentDirectory& directory, mail::ByteCount segment_size, mail::ByteCount adopt_above,
                   AppenderState state)
    : directory_(directory), segment_size_(segment_size), adopt_above_(adopt_above), state_(state), kept_(state) {
  if (state_.active == 0) return;
  open_active();
  if (file_->size() > state_.end) file_->truncate(state_.end);
}

void Appender::open_active() {
  file_ = std::make_shared<File>(directory_.path_of(state_.active), O_RDWR | O_NOFOLLOW);
}

Place Appender::append(std::shared_ptr<const mail::Content> content, const mail::Sha256& digest) {
  if (auto place = adopt(*content, digest)) return *place;
  mail::ByteCount length = kRecordHeaderSize + content->size();
  if (state_.active == 0 || (state_.end > 0 && state_.end + length > segment_size_)) roll();
  Place place{state_.active, state_.end};
  EncodedHeader header = encode({content->size(), digest});
  if (content->in_memory()) {
    if (waiting_.empty()) waiting_begin_ = state_.end;
    waiting_.push_back({header, std::move(content)});
    waiting_bytes_ += length;
    if (waiting_bytes_ >= kWriteBytes || waiting_.size() >= kWriteRecords) write_waiting();
  } else {
    copy(*content, header);
  }
  state_.end += length;
  return place;
}

std::optional<Place> Appender::adopt(const mail::Content& content, const mail::Sha256& digest) {
  if (content.size() < adopt_above_) return std::nullopt;
  const auto* spooled = dynamic_cast<const SpooledContent*>(&content);
  if (spooled == nullptr) return std::nullopt;
  SegmentId id = state_.next_segment;
  if (!spooled->adopt_as(directory_.path_of(id), digest)) return std::nullopt;
  ++state_.next_segment;
  created_.push_back(id);
  // A descriptor of our own: the content may go before the group is synced.
  unsynced_.push_back(std::make_shared<File>(directory_.path_of(id), O_RDWR | O_NOFOLLOW));
  return Place{id, 0};
}

void Appender::roll() {
  write_waiting();
  SegmentId id = state_.next_segment;
  auto file = std::make_shared<File>(directory_.path_of(id), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  created_.push_back(id);
  file_ = std::move(file);
  state_ = {id, 0, id + 1};
}

void Appender::write_waiting() {
  if (waiting_.empty()) return;
  std::vector<std::string_view> pieces;
  pieces.reserve(2 * waiting_.size());
  for (const Waiting& record : waiting_) {
    pieces.emplace_back(record.header.data(), record.header.size());
    pieces.push_back(*record.content->in_memory());
  }
  file_->write_pieces_at(waiting_begin_, pieces);
#ifdef SYNC_FILE_RANGE_WRITE
  // A hint only: begins the write-back now, so that the sync at the end finds less to do.
  ::sync_file_range(file_->descriptor(), static_cast<off_t>(waiting_begin_), static_cast<off_t>(waiting_bytes_),
                    SYNC_FILE_RANGE_WRITE);
#endif
  waiting_.clear();
  waiting_bytes_ = 0;
  if (std::find(unsynced_.begin(), unsynced_.end(), file_) == unsynced_.end()) unsynced_.push_back(file_);
}

void Appender::copy(const mail::Content& content, const EncodedHeader& header) {
  write_waiting();
  file_->write_at(state_.end, {header.data(), header.size()});
  std::string buffer(std::min<mail::ByteCount>(kCopyBuffer, std::max<mail::ByteCount>(content.size(), 1)), '\0');
  mail::ByteCount done = 0;
  while (done < content.size()) {
    std::size_t got = content.read(done, buffer);
    if (got == 0) throw_errno(EIO, file_->path());
    file_->write_at(state_.end + kRecordHeaderSize + done, std::string_view(buffer).substr(0, got));
    done += got;
  }
  if (std::find(unsynced_.begin(), unsynced_.end(), file_) == unsynced_.end()) unsynced_.push_back(file_);
}

void Appender::sync() {
  write_waiting();
  for (const auto& file : unsynced_) file->sync();
  if (!created_.empty()) sync_directory(directory_.path());
}

void Appender::keep() {
  kept_ = state_;
  unsynced_.clear();
  created_.clear();
}

void Appender::rewind() noexcept {
  waiting_.clear();
  waiting_bytes_ = 0;
  unsynced_.clear();
  for (SegmentId id : created_) ::unlink(directory_.path_of(id).c_str());
  created_.clear();
  bool moved = state_.active != kept_.active;
  // Names are not used again within a run: a reader may still hold the old file.
  kept_.next_segment = std::max(kept_.next_segment, state_.next_segment);
  state_ = kept_;
  if (!moved || state_.active == 0) return;
  try {
    open_active();
  } catch (const std::exception&) {
    state_.active = kept_.active = 0;  // the next record begins a new segment
  }
}

}  // namespace mailstead::storage::segments
