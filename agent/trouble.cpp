#include "agent/trouble.h"

#include <algorithm>

namespace mailstead::agent {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds kFirstPollRetry{60};
constexpr seconds kLongestPollRetry{minutes(60)};
constexpr seconds kSignInRetry{minutes(5)};  // no login storm: at most one try in five minutes
constexpr unsigned kSignInTries = 3;         // then the account waits for the user
constexpr seconds kStorageRetry{minutes(1)};

seconds doubled(seconds first, seconds longest, unsigned times) {
  return std::min(longest, first * (std::int64_t{1} << std::min(times, 20U)));
}

}  // namespace

AccountVerdict judge_poll(const mail::Failure& failure, unsigned failures, seconds interval) {
  const unsigned before = failures > 0 ? failures - 1 : 0;
  switch (failure.kind()) {
    case mail::FailureKind::kAuthentication:
      return {doubled(kSignInRetry, kLongestPollRetry, before), failures >= kSignInTries};
    case mail::FailureKind::kConfiguration: return {kLongestPollRetry, true};
    case mail::FailureKind::kStorage: return {kStorageRetry, false};
    case mail::FailureKind::kPermanent: return {doubled(kSignInRetry, kLongestPollRetry, before), false};
    default:
      // Never sooner than the user's own interval would have it, unless that is very long.
      return {std::max(doubled(kFirstPollRetry, kLongestPollRetry, before), std::min(interval, kLongestPollRetry)),
              false};
  }
}

seconds retry_delay(const RetryPolicy& policy, unsigned attempts, std::uint64_t spread) {
  const seconds delay = doubled(policy.first, policy.longest, attempts > 0 ? attempts - 1 : 0);
  const auto tenth = std::max<std::int64_t>(1, delay.count() / 10);
  return delay + seconds(static_cast<std::int64_t>(spread % static_cast<std::uint64_t>(tenth)));
}

bool stops_everything(const mail::Failure& failure) noexcept {
  return failure.kind() == mail::FailureKind::kStorage && failure.scope() == mail::FailureScope::kProcess;
}

}  // namespace mailstead::agent
