#include "connectors/sasl/open_sessions.h"

#include <vector>

namespace mailstead::sasl {

std::unique_ptr<OpenSessions::Place> OpenSessions::enter(const Identity& identity, std::function<void()> wake,
                                                         std::size_t most) {
  std::lock_guard lock(mutex_);
  if (auto& count = per_user_[identity.user]; count < most)
    ++count;
  else
    return nullptr;
  const std::uint64_t id = ++last_;
  const Seat& seat = seats_.emplace(id, Seat{identity, std::move(wake)}).first->second;
  return std::make_unique<Place>(shared_from_this(), id, seat.ended);
}

void OpenSessions::leave(std::uint64_t id) noexcept {
  std::lock_guard lock(mutex_);
  const auto seat = seats_.find(id);
  const auto count = per_user_.find(seat->second.identity.user);
  if (--count->second == 0) per_user_.erase(count);
  seats_.erase(seat);
}

template <typename Chosen>
void OpenSessions::end_chosen(const Chosen& chosen) {
  std::vector<std::function<void()>> wakes;
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, seat] : seats_) {
      if (!chosen(seat.identity) || seat.ended->exchange(true)) continue;
      wakes.push_back(seat.wake);
    }
  }
  for (const auto& wake : wakes) wake();
}

void OpenSessions::end(const std::string& user, const std::string& app_password) {
  end_chosen([&](const Identity& one) { return one.user == user && one.app_password == app_password; });
}

void OpenSessions::end(const std::string& user) {
  end_chosen([&](const Identity& one) { return one.user == user; });
}

}  // namespace mailstead::sasl
