#include "agent/delivery/lane.h"

#include "agent/trouble.h"

#include <algorithm>
#include <utility>

namespace mailstead::agent {

namespace {

constexpr std::chrono::hours kLongOutage{1};  // a clock that jumped far ahead gives up nothing within it

// A mailbox keeps what it is given, as a program or a web service does: the octets stay what they were. What one of
// those sends on all the same and comes back is recognised as a duplicate.
bool sends_on(DestinationConfig::Type type) {
  return type == DestinationConfig::Type::kSmtp || type == DestinationConfig::Type::kLmtp;
}

}  // namespace

Lane::Lane(const DestinationConfig& settings, std::shared_ptr<const delivery::Destination> made)
    : name(settings.name),
      destination(std::move(made)),
      remote(sends_on(settings.type)),
      connections(std::max<std::size_t>(1, settings.connections)),
      keep_open(settings.keep_open),
      pace_(settings.rate) {}

std::size_t Lane::room(mail::SteadyTime now) {
  if (rests(now)) return 0;
  if (!proven_) return working == 0 && waiting.empty() ? 1 : 0;
  return waiting.size() > kInHand / 2 ? 0 : kInHand - waiting.size();
}

bool Lane::wants_worker(mail::SteadyTime now) {
  return working < connections && starting < waiting.size() && !rests(now);
}

bool Lane::rests(mail::SteadyTime now) {
  return rests_until(now) > now;
}

mail::SteadyTime Lane::rests_until(mail::SteadyTime now) {
  return std::max(left_alone_until_, pace_.ready_at(now));
}

void Lane::failed(const std::string& why, bool reported, mail::SteadyTime now, std::uint64_t spread) {
  if (failures_++ == 0) failing_since_ = now;
  proven_ = false;
  failure_ = why;
  outage_reported_ = outage_reported_ || reported;
  left_alone_until_ = now + rest_of_destination(failures_, spread);
}

void Lane::worked() noexcept {
  proven_ = true;
  failures_ = 0;
  failure_.clear();
  outage_reported_ = false;
}

void Lane::learn_from(const Lane& earlier) {
  proven_ = earlier.proven_;
  failures_ = earlier.failures_;
  failing_since_ = earlier.failing_since_;
  failure_ = earlier.failure_;
  outage_reported_ = earlier.outage_reported_;
}

bool Lane::failing_for_long(mail::SteadyTime now) const noexcept {
  return failures_ > 0 && now - failing_since_ >= kLongOutage;
}

}  // namespace mailstead::agent
