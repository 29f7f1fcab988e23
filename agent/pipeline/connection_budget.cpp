#include "agent/pipeline/connection_budget.h"

#include "connectors/imap/client/server_quirks.h"
#include "mail/ascii.h"
#include "mail/failure.h"

#include <condition_variable>
#include <map>
#include <mutex>

namespace mailstead::agent {
namespace {

constexpr std::chrono::milliseconds kStopSlice{250};  // how late a stop request may be seen

}  // namespace

std::size_t sign_in_limit(std::string_view host) {
  return imap::quirks_of(host).connections;
}

struct ConnectionBudget::State {
  mutable std::mutex mutex;
  std::condition_variable given_back;
  ConnectionLimits limits;
  std::size_t open = 0;
  std::map<std::string, std::size_t> hosts, sign_ins;

  static std::string sign_in(const Place& place) { return place.host + '\n' + place.user; }

  static std::size_t count(const std::map<std::string, std::size_t>& counts, const std::string& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }
  static void give_back(std::map<std::string, std::size_t>& counts, const std::string& key) {
    const auto found = counts.find(key);
    if (found != counts.end() && --found->second == 0) counts.erase(found);
  }

  // The rest under the lock.
  [[nodiscard]] Bound bound_at(const Place& place) const {
    if (limits.connections != 0 && open >= limits.connections) return Bound::kAll;
    const auto named = limits.hosts.find(place.host);
    const std::size_t per_host = named != limits.hosts.end() ? named->second : limits.per_host;
    if (per_host != 0 && count(hosts, place.host) >= per_host) return Bound::kHost;
    return count(sign_ins, sign_in(place)) < sign_in_limit(place.host) ? Bound::kNone : Bound::kSignIn;
  }
  void add(const Place& place) {
    ++open;
    ++hosts[place.host];
    ++sign_ins[sign_in(place)];
  }
  void remove(const Place& place) {
    --open;
    give_back(hosts, place.host);
    give_back(sign_ins, sign_in(place));
  }
};

ConnectionBudget::Place ConnectionBudget::place_of(const AccountConfig& account) {
  const net::Endpoint& endpoint = account.endpoint;
  return {endpoint.unix_socket.empty() ? mail::lowered(endpoint.host) : endpoint.unix_socket, account.credentials.user};
}

ConnectionBudget::ConnectionBudget(const ConnectionLimits& limits) : state_(std::make_shared<State>()) {
  state_->limits = limits;
}

void ConnectionBudget::apply(const ConnectionLimits& limits) {
  std::lock_guard lock(state_->mutex);
  state_->limits = limits;
  state_->given_back.notify_all();
}

ConnectionBudget::Bound ConnectionBudget::bound_at(const Place& place) const {
  std::lock_guard lock(state_->mutex);
  return state_->bound_at(place);
}

ConnectionBudget::Permit ConnectionBudget::try_take(const Place& place) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->bound_at(place) != Bound::kNone) return nullptr;
    state_->add(place);
  }
  return {static_cast<const void*>(this), [state = state_, place](const void*) {
            std::lock_guard lock(state->mutex);
            state->remove(place);
            state->given_back.notify_all();
          }};
}

ConnectionBudget::Permit ConnectionBudget::take(const Place& place, const net::Deadline& deadline) {
  for (;;) {
    if (auto permit = try_take(place)) return permit;
    if (deadline.stop.stop_requested())
      throw mail::Failure(mail::FailureKind::kCancelled, mail::FailureScope::kAccount, "stopped on request");
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline.at)
      throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kAccount,
                          place.host + ": as many connections are open as \"limits\" allow");
    if (ask_) ask_(place);
    std::unique_lock lock(state_->mutex);
    if (state_->bound_at(place) != Bound::kNone)
      (void)state_->given_back.wait_until(lock, std::min<mail::SteadyTime>(deadline.at, now + kStopSlice));
  }
}

std::size_t ConnectionBudget::open() const {
  std::lock_guard lock(state_->mutex);
  return state_->open;
}

}  // namespace mailstead::agent
