// storage/rule_memory.h on SQLite; what is in hand is in memory.
#pragma once

#include <map>
#include <mutex>

#include "storage/rule_memory.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

class SqliteRuleMemory final : public RuleMemory {
 public:
  explicit SqliteRuleMemory(const Database& database) : database_(database) {}
  [[nodiscard]] std::shared_ptr<Recollection> recollect() override;
  [[nodiscard]] std::optional<mail::WallTime> met(const mail::Sha256& key, mail::WallTime since) const override;

 private:
  // Outlives the store while a callback holds on to a recollection.
  struct InHand {
    std::mutex mutex;
    std::map<mail::Sha256, const void*> keys;  // by the recollection that asked first
  };
  class One;

  const Database& database_;
  const std::shared_ptr<InHand> in_hand_ = std::make_shared<InHand>();
};

}  // namespace mailstead::storage::sqlite
