#include "connectors/sasl/doorkeeper.h"

#include <algorithm>

namespace mailstead::sasl {
namespace {

bool is_good_still(const KeyLookup& keys, const Identity& identity) {
  const auto user = keys.find(identity.user);
  if (!user || identity.app_password.empty()) return user.has_value();
  return std::any_of(user->app_passwords.begin(), user->app_passwords.end(),
                     [&](const auto& app) { return app.name == identity.app_password; });
}

}  // namespace

std::unique_ptr<OpenSessions::Place> Doorkeeper::admit(const KeyLookup& keys, const Identity& identity,
                                                       std::function<void()> wake) const {
  auto place = sessions->enter(identity, std::move(wake));
  if (!is_good_still(keys, identity)) return nullptr;
  if (signed_in) signed_in(identity);
  return place;
}

}  // namespace mailstead::sasl
