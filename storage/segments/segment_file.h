// Segments for reading: the directory content/, its file names, open files shared by their readers.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "mail/content.h"
#include "storage/segments/file.h"
#include "storage/segments/record.h"

namespace mailstead::storage::segments {

using SegmentId = std::int64_t;

// Where a record begins.
struct Place {
  SegmentId segment = 0;
  mail::ByteCount offset = 0;
  bool operator==(const Place&) const = default;
};

// "00000042.seg" and back; nullopt for any other name.
[[nodiscard]] std::string segment_name(SegmentId id);
[[nodiscard]] std::optional<SegmentId> parse_segment_name(const std::string& name);

// The bytes of one record. Holds the file, so that it stays readable when the segment is unlinked.
class SegmentContent final : public mail::Content {
 public:
  SegmentContent(std::shared_ptr<const File> file, mail::ByteCount begin, mail::ByteCount size)
      : file_(std::move(file)), begin_(begin), size_(size) {}
  [[nodiscard]] mail::ByteCount size() const override { return size_; }
  // Throws Failure(kStorage, kMessage) when the file ends too early.
  [[nodiscard]] std::size_t read(mail::ByteCount offset, std::span<char> into) const override;

 private:
  std::shared_ptr<const File> file_;
  mail::ByteCount begin_;
  mail::ByteCount size_;
};

// Thread-safe. Keeps the files last used open, at most kMaxOpen.
class SegmentDirectory {
 public:
  explicit SegmentDirectory(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string path_of(SegmentId id) const { return path_ + "/" + segment_name(id); }
  // nullptr when there is no such file.
  [[nodiscard]] std::shared_ptr<const File> open(SegmentId id);
  void forget(SegmentId id);
  [[nodiscard]] std::vector<SegmentId> list() const;

 private:
  static constexpr std::size_t kMaxOpen = 64;
  using Entry = std::pair<SegmentId, std::shared_ptr<const File>>;

  const std::string path_;
  std::mutex mutex_;
  std::list<Entry> recent_;  // last used first
  std::unordered_map<SegmentId, std::list<Entry>::iterator> by_id_;
};

}  // namespace mailstead::storage::segments
