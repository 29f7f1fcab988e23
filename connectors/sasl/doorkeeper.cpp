#include "connectors/sasl/doorkeeper.h"

#include <algorithm>

#include "connectors/address_group.h"
#include "connectors/sasl/password_memory.h"

namespace mailstead::sasl {
namespace {

bool is_good_still(const KeyLookup& keys, const Identity& identity) {
  const auto user = keys.find(identity.user);
  if (!user) return false;
  // Without a stored key no password was proved (EXTERNAL).
  const auto fits = [&](const ScramKeys& one) {
    return identity.stored_key.empty() || one.sha256.stored_key == identity.stored_key ||
           (one.sha1 && one.sha1->stored_key == identity.stored_key);
  };
  if (identity.app_password.empty()) return fits(user->password);
  return std::any_of(user->app_passwords.begin(), user->app_passwords.end(),
                     [&](const auto& app) { return app.name == identity.app_password && fits(app.keys); });
}

}  // namespace

bool Doorkeeper::may_try(const Caller& caller, const std::string& user) const {
  return !throttle || caller.loopback || throttle->admits(connectors::address_group(caller.address), user);
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
  if (identity.derived) keys.memory->keep(*identity.derived);
  if (signed_in) signed_in(identity);
  return Answer::kEntered;
}

}  // namespace mailstead::sasl
