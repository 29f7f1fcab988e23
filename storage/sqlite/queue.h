// storage/queue.h on SQLite.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "storage/queue.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

// The one listener for changes of the queue; the writer calls it.
class QueueNotice {
 public:
  void set(std::function<void()> changed);
  void announce() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const std::function<void()>> changed_;
};

// The values of deliveries.held.
inline constexpr int kNotHeld = 0, kHeld = 1, kInQuarantine = 2;

class SqliteQueue final : public Queue {
 public:
  SqliteQueue(const Database& database, QueueNotice& notice) : database_(database), notice_(notice) {}

  [[nodiscard]] std::vector<QueuedDelivery> due(const std::string& destination, mail::WallTime now, std::size_t limit,
                                                const std::vector<DeliveryId>& except) const override;
  [[nodiscard]] std::optional<mail::WallTime> next_due(const std::string& destination) const override;
  [[nodiscard]] std::vector<std::string> destinations() const override;
  [[nodiscard]] std::vector<QueuedDelivery> list() const override;
  [[nodiscard]] std::optional<QueuedDelivery> find(DeliveryId id) const override;
  [[nodiscard]] std::size_t size() const override;
  [[nodiscard]] std::size_t waiting(const std::string& destination) const override;
  void begin_attempt(DeliveryId id, mail::WallTime now) override;
  void end_attempt(DeliveryId id, mail::WallTime now, const AttemptOutcome& outcome) override;
  [[nodiscard]] bool retry_at(DeliveryId id, mail::WallTime when) override;
  std::optional<QueuedDelivery> note_crash(DeliveryId id, mail::WallTime now, mail::WallTime next_attempt,
                                           const std::string& why) override;
  [[nodiscard]] std::vector<DeliveryId> retry_now(const std::vector<DeliveryId>& ids, mail::WallTime now) override;
  [[nodiscard]] std::vector<DeliveryId> hold(const std::vector<DeliveryId>& ids, mail::WallTime now) override;
  [[nodiscard]] std::vector<DeliveryId> release(const std::vector<DeliveryId>& ids, mail::WallTime now) override;
  [[nodiscard]] bool place(DeliveryId id, const NewPlacement& placement, mail::WallTime now) override;
  [[nodiscard]] std::vector<DeliveryId> drop(const std::vector<DeliveryId>& ids, mail::WallTime now,
                                             const std::string& why) override;
  void on_change(std::function<void()> changed) override { notice_.set(std::move(changed)); }

 private:
  // `change` of each that exists, in one transaction; answers the others.
  template <typename Change>
  [[nodiscard]] std::vector<DeliveryId> change(const std::vector<DeliveryId>& ids, Change change);

  const Database& database_;
  QueueNotice& notice_;
};

}  // namespace mailstead::storage::sqlite
