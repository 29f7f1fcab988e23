// Messages on their way in: in memory while the budget shared by all lasts, else in a spool file without a name
// (O_TMPFILE; where the file system has none, an unguessable name of mode 0600 that goes with the object).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "mail/content.h"
#include "storage/content.h"
#include "storage/segments/file.h"
#include "storage/segments/record.h"

namespace mailstead::storage::segments {

// Octets in memory, all accounts together. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(mail::ByteCount limit) : limit_(limit) {}
  [[nodiscard]] bool take(mail::ByteCount bytes) noexcept;
  void give(mail::ByteCount bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] mail::ByteCount used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  const mail::ByteCount limit_;
  std::atomic<mail::ByteCount> used_{0};
};

// The file keeps room for a record header before the bytes, so that it can become a segment as it is.
class SpoolFile {
 public:
  explicit SpoolFile(const std::string& directory);
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  [[nodiscard]] const File& file() const noexcept { return file_; }
  // Gives the file its final name, once in its life; false when it had one before. The bytes are not synced here.
  [[nodiscard]] bool name_as(const std::string& path);

 private:
  File file_;
  bool nameless_ = false;
  bool named_ = false;
};

class SpooledContent final : public mail::Content {
 public:
  SpooledContent(std::unique_ptr<SpoolFile> spool, mail::ByteCount size) : spool_(std::move(spool)), size_(size) {}
  [[nodiscard]] mail::ByteCount size() const override { return size_; }
  [[nodiscard]] std::size_t read(mail::ByteCount offset, std::span<char> into) const override;

  // Writes the record header and moves the file to `path`; the caller syncs file() and the directory. False when that
  // happened before: the bytes must then be copied.
  [[nodiscard]] bool adopt_as(const std::string& path, const mail::Sha256& digest) const;
  [[nodiscard]] const File& file() const noexcept { return spool_->file(); }

 private:
  std::unique_ptr<SpoolFile> spool_;
  mail::ByteCount size_;
  mutable std::mutex adopting_;
};

struct SpoolSettings {
  std::string directory;
  mail::ByteCount spool_above = 0;
};

// `budget` is shared, so that contents may outlive the store.
class SpoolingContent final : public IncomingContent {
 public:
  SpoolingContent(SpoolSettings settings, std::shared_ptr<MemoryBudget> budget, mail::ByteCount size_hint);
  ~SpoolingContent() override;
  void append(std::string_view bytes) override;
  [[nodiscard]] std::shared_ptr<const mail::Content> finish() override;

 private:
  void spill();
  void write_out();

  SpoolSettings settings_;
  std::shared_ptr<MemoryBudget> budget_;
  std::string memory_;  // the whole while spool_ is null, else what is not yet written
  mail::ByteCount taken_ = 0;
  std::unique_ptr<SpoolFile> spool_;
  mail::ByteCount written_ = 0;
};

}  // namespace mailstead::storage::segments
