#include "connectors/sasl/password_memory.h"

#include "connectors/sasl/scram.h"

namespace mailstead::sasl {
namespace {

constexpr std::size_t kSecretSize = 32;

}  // namespace

std::shared_ptr<PasswordMemory> make_password_memory() {
  return std::make_shared<PasswordMemory>();
}

PasswordMemory::PasswordMemory() : secret_(random_octets(kSecretSize)) {}

std::string PasswordMemory::name_of(const ScramKeys& keys, std::string_view clean) const {
  std::string text = std::to_string(keys.iterations) + ":" + std::to_string(keys.salt.size()) + ":" + keys.salt;
  text += clean;
  const mail::Secret wiped(std::move(text));
  return ScramHash::sha256().hmac(secret_, wiped.reveal());
}

std::optional<ScramPair> PasswordMemory::find(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = kept_.find(name);
  return found == kept_.end() ? std::nullopt : std::optional(found->second);
}

void PasswordMemory::keep(const Identity::Derived& derived) {
  std::lock_guard lock(mutex_);
  if (!kept_.emplace(derived.name, derived.pair).second) return;
  order_.push_back(derived.name);
  if (order_.size() <= kMaxKept) return;
  kept_.erase(order_.front());
  order_.pop_front();
}

}  // namespace mailstead::sasl
