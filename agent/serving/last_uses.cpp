#include "agent/serving/last_uses.h"

#include <algorithm>
#include <vector>

namespace mailstead::agent {
namespace {

constexpr std::chrono::minutes kBehind{10};

}  // namespace

void LastUses::note(const sasl::Identity& identity, mail::WallTime now) {
  if (identity.app_password.empty()) return;
  std::lock_guard lock(mutex_);
  uses_[{identity.user, identity.app_password}].seen = now;
}

bool LastUses::due() const {
  std::lock_guard lock(mutex_);
  return std::any_of(uses_.begin(), uses_.end(),
                     [](const auto& use) { return use.second.seen - use.second.written > kBehind; });
}

void LastUses::write(storage::Users& users) {
  std::vector<storage::AppPasswordUse> behind;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, times] : uses_)
      if (times.seen > times.written) behind.push_back({key.first, key.second, times.seen});
  }
  if (behind.empty()) return;
  users.note_uses(behind);
  std::lock_guard lock(mutex_);
  for (const auto& use : behind) uses_[{use.user, use.name}].written = use.when;
}

}  // namespace mailstead::agent
