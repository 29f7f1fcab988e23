// storage/content.h on segments, with their places in SQLite.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "storage/content.h"
#include "storage/segments/spool.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

struct ContentLimits {
  mail::ByteCount memory_budget = 0;
  mail::ByteCount spool_above = 0;
  mail::ByteCount min_free = 0;
};

class SqliteContentStore final : public ContentStore {
 public:
  SqliteContentStore(const Database& database, ContentLimits limits);
  // Throws when less than min_free would be left on the disk.
  [[nodiscard]] std::unique_ptr<IncomingContent> begin(mail::ByteCount size_hint) override;
  [[nodiscard]] std::shared_ptr<const mail::Content> open(ContentId id) const override;

 private:
  // Which contents were verified in this run: the latest one per slot, so that the memory is bounded.
  class Verified {
   public:
    [[nodiscard]] bool has(ContentId id) const noexcept { return slot(id).load(std::memory_order_relaxed) == id; }
    void add(ContentId id) noexcept { slot(id).store(id, std::memory_order_relaxed); }

   private:
    static constexpr std::size_t kSlots = 32 * 1024;
    std::atomic<ContentId>& slot(ContentId id) noexcept { return slots_[static_cast<std::size_t>(id) % kSlots]; }
    const std::atomic<ContentId>& slot(ContentId id) const noexcept {
      return slots_[static_cast<std::size_t>(id) % kSlots];
    }
    std::array<std::atomic<ContentId>, kSlots> slots_{};
  };

  const Database& database_;
  const ContentLimits limits_;
  std::shared_ptr<segments::MemoryBudget> budget_;
  std::unique_ptr<Verified> verified_ = std::make_unique<Verified>();
};

// Whether the bytes have this digest. Throws what reading throws.
[[nodiscard]] bool has_digest(const mail::Content& content, const mail::Sha256& digest);

}  // namespace mailstead::storage::sqlite
