// How many connections to the servers of accounts may be open at once: in all, to one host, and by one sign-in at a
// host (what the large providers allow is known). Polls, downloads and connections that wait for news count alike.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/config/config.h"
#include "connectors/net/deadline.h"
#include "connectors/net/dial.h"

namespace mailstead::agent {

// What a server of this name takes of one user; a careful number for unknown ones.
[[nodiscard]] std::size_t sign_in_limit(std::string_view host);

// Thread-safe.
class ConnectionBudget {
 public:
  // A connection counts for as long as its permit lives; a permit may outlive the budget.
  using Permit = std::shared_ptr<const void>;
  struct Place {
    std::string host, user;
  };
  [[nodiscard]] static Place place_of(const AccountConfig& account);

  explicit ConnectionBudget(const ConnectionLimits& limits = {});
  // What is open already stays.
  void apply(const ConnectionLimits& limits);

  // Which limit stands against one connection more.
  enum class Bound { kNone, kAll, kHost, kSignIn };
  [[nodiscard]] Bound bound_at(const Place& place) const;
  [[nodiscard]] bool has_room(const Place& place) const { return bound_at(place) == Bound::kNone; }
  // Null when there is no room.
  [[nodiscard]] Permit try_take(const Place& place);
  // Who could make room is asked to, now and then, for as long as take() waits: on its thread, without a lock. Before
  // the first take().
  void ask_for_room(std::function<void(const Place&)> ask) { ask_ = std::move(ask); }
  // Waits for room. Throws Failure: kTemporary at the deadline, kCancelled on a stop request.
  [[nodiscard]] Permit take(const Place& place, const net::Deadline& deadline);
  [[nodiscard]] std::size_t open() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::function<void(const Place&)> ask_;
};

}  // namespace mailstead::agent
