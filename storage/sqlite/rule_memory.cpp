#include "storage/sqlite/rule_memory.h"

namespace mailstead::storage::sqlite {

class SqliteRuleMemory::One final : public Recollection {
 public:
  One(const SqliteRuleMemory& memory, std::shared_ptr<InHand> in_hand)
      : memory_(memory), in_hand_(std::move(in_hand)) {}
  ~One() override {
    std::lock_guard lock(in_hand_->mutex);
    std::erase_if(in_hand_->keys, [this](const auto& entry) { return entry.second == this; });
  }
  One(const One&) = delete;
  One& operator=(const One&) = delete;

  // In this order: whoever has asked before us keeps the key in hand until the database has it.
  std::optional<mail::WallTime> met(const mail::Sha256& key, mail::WallTime since, mail::WallTime now) override {
    {
      std::lock_guard lock(in_hand_->mutex);
      if (in_hand_->keys.try_emplace(key, this).first->second != this) return now;
    }
    return memory_.met(key, since);
  }

 private:
  const SqliteRuleMemory& memory_;
  const std::shared_ptr<InHand> in_hand_;
};

std::shared_ptr<Recollection> SqliteRuleMemory::recollect() {
  return std::make_shared<One>(*this, in_hand_);
}

std::optional<mail::WallTime> SqliteRuleMemory::met(const mail::Sha256& key, mail::WallTime since) const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT met FROM remembered WHERE key = ?1 AND met >= ?2");
  query.bind(key, since);
  if (!query.next()) return std::nullopt;
  return query.time(0);
}

}  // namespace mailstead::storage::sqlite
