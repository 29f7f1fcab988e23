#include "connectors/sasl/throttle.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "connectors/sasl/scram.h"

namespace mailstead::sasl {
namespace {

constexpr double kMostFailures = 10;  // more cost no more, and are forgiven no later

std::chrono::milliseconds spacing(double failures, std::chrono::seconds longest) {
  if (failures < 0.5) return {};
  const auto wanted = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * std::exp2(failures - 1)));
  return std::min<std::chrono::milliseconds>(wanted, longest);
}

}  // namespace

Throttle::Throttle(const mail::Clock& clock, ThrottleSettings settings)
    : clock_(clock), settings_(settings), secret_(random_octets(32)) {}

std::size_t Throttle::Records::Hash::operator()(const Digest& digest) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

Throttle::Digest Throttle::digest(std::string_view address, std::string_view user) const {
  const std::string text = std::to_string(address.size()) + ':' + std::string(address) + std::string(user);
  const std::string octets = ScramHash::sha256().hmac(secret_, text);
  Digest made{};
  std::memcpy(made.data(), octets.data(), made.size());
  return made;
}

Throttle::Record* Throttle::find(Records& records, const Digest& key) {
  const auto found = records.places.find(key);
  return found == records.places.end() ? nullptr : &*found->second;
}

Throttle::Record& Throttle::keep(Records& records, const Digest& key) {
  if (const auto found = records.places.find(key); found != records.places.end()) {
    records.order.splice(records.order.begin(), records.order, found->second);
    return *found->second;
  }
  if (records.places.size() >= settings_.remembered) {
    records.places.erase(records.order.back().key);
    records.order.pop_back();
  }
  records.order.push_front({key, 0, clock_.steady(), {}});
  records.places.emplace(key, records.order.begin());
  return records.order.front();
}

void Throttle::settle(Record& record, mail::SteadyTime now) const {
  const std::chrono::duration<double> passed = now - record.since;
  record.failures = std::max(0.0, record.failures - passed / settings_.forgiven_each);
  record.since = now;
}

bool Throttle::admits(std::string_view address, std::string_view user) {
  std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  const Digest of_pair = digest(address, user);
  const Record* known = user.empty() ? nullptr : find(trusted_, of_pair);
  const bool trusted = known != nullptr && now - known->since <= settings_.trusted;
  Record* record = find(addresses_, trusted ? of_pair : digest(address, {}));
  if (record == nullptr) return true;
  settle(*record, now);
  // Whether the answer to one more would find room.
  const auto at = std::max(now, record->next) + spacing(record->failures, settings_.longest_address);
  return at - now <= settings_.longest_queue;
}

std::optional<std::chrono::milliseconds> Throttle::judge(std::string_view address, bool exempt, std::string_view user,
                                                         bool good) {
  std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  const Digest of_pair = digest(address, user);
  const Record* known = exempt ? nullptr : find(trusted_, of_pair);
  const bool trusted = known != nullptr && now - known->since <= settings_.trusted;
  // Who is without a record does not get one for a good password.
  const auto record_of = [&](Records& records, const Digest& key) {
    return good ? find(records, key) : &keep(records, key);
  };

  struct Claim {
    Record* record;
    std::chrono::seconds longest;
    mail::SteadyTime at{};
  };
  std::array<Claim, 2> claims{};
  if (trusted) {
    claims[0] = {record_of(addresses_, of_pair), settings_.longest_address};
  } else {
    if (!exempt) claims[0] = {record_of(addresses_, digest(address, {})), settings_.longest_address};
    if (!user.empty()) claims[1] = {record_of(names_, digest({}, user)), settings_.longest_name};
  }
  auto at = now;
  for (Claim& claim : claims) {
    if (claim.record == nullptr) continue;
    settle(*claim.record, now);
    claim.at = std::max(now, claim.record->next) + spacing(claim.record->failures, claim.longest);
    at = std::max(at, claim.at);
  }
  const bool refused = at - now > settings_.longest_queue;
  for (const Claim& claim : claims) {
    if (claim.record == nullptr) continue;
    if (!refused) claim.record->next = claim.at;
    if (!good) claim.record->failures = std::min(kMostFailures, claim.record->failures + 1);
  }
  if (refused) return std::nullopt;
  if (good && !exempt) keep(trusted_, of_pair).since = now;
  return std::chrono::ceil<std::chrono::milliseconds>(at - now);
}

}  // namespace mailstead::sasl
