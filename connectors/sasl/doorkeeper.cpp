#include "connectors/sasl/doorkeeper.h"

#include <algorithm>

#include "connectors/address_group.h"

namespace mailstead::sasl {
namespace {

bool is_good_still(const KeyLookup& keys, const Identity& identity) {
  const auto user = keys.find(identity.user);
  if (!user || identity.app_password.empty()) return user.has_value();
  return std::any_of(user->app_passwords.begin(), user->app_passwords.end(),
                     [&](const auto& app) { return app.name == identity.app_password; });
}

}  // namespace

bool Doorkeeper::may_try(const Caller& caller) const {
  return !throttle || caller.loopback || throttle->admits(connectors::address_group(caller.address));
}

std::optional<std::chrono::milliseconds> Doorkeeper::judge(const Caller& caller, const std::string& user,
                                                           bool good) const {
  if (!throttle) return std::chrono::milliseconds(0);
  return throttle->judge(connectors::address_group(caller.address), caller.loopback, user, good);
}

Doorkeeper::Answer Doorkeeper::admit(const KeyLookup& keys, const Identity& identity, std::function<void()> wake,
                                     std::unique_ptr<OpenSessions::Place>& place) const {
  place = sessions->enter(identity, std::move(wake), most_per_user);
  if (!place) return Answer::kTooMany;
  if (!is_good_still(keys, identity)) {
    place.reset();
    return Answer::kRevoked;
  }
  if (signed_in) signed_in(identity);
  return Answer::kEntered;
}

}  // namespace mailstead::sasl
