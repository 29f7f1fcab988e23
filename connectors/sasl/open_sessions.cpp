#include "connectors/sasl/open_sessions.h"

#include <vector>

namespace mailstead::sasl {

std::unique_ptr<OpenSessions::Place> OpenSessions::enter(const Identity& identity, std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  const std::uint64_t id = ++last_;
  const Seat& seat = seats_.emplace(id, Seat{identity, std::move(wake)}).first->second;
  return std::make_unique<Place>(shared_from_this(), id, seat.ended);
}

void OpenSessions::leave(std::uint64_t id) noexcept {
  std::lock_guard lock(mutex_);
  seats_.erase(id);
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
