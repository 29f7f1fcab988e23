#include "agent/trouble.h"

#include "agent/backoff_hint.h"

#include <algorithm>

namespace mailstead::agent {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds kFirstPollRetry{30};
constexpr seconds kLongestPollRetry{minutes(60)};
constexpr seconds kSignInRetry{minutes(5)};  // no login storm: at most one try in five minutes
constexpr unsigned kSignInTries = 3;         // then the account waits for the user
constexpr seconds kStorageRetry{minutes(1)};
constexpr seconds kFirstRest{30};
constexpr seconds kLongestRest{minutes(10)};

seconds doubled(seconds first, seconds longest, unsigned times) {
  return std::min(longest, first * (std::int64_t{1} << std::min(times, 20U)));
}

seconds spread_by_a_tenth(seconds delay, std::uint64_t spread) {
  const auto tenth = std::max<std::int64_t>(1, delay.count() / 10);
  return delay + seconds(static_cast<std::int64_t>(spread % static_cast<std::uint64_t>(tenth)));
}

// Without what the server asked for.
AccountVerdict judge_by_kind(const mail::Failure& failure, unsigned failures, seconds interval) {
  const unsigned before = failures > 0 ? failures - 1 : 0;
  switch (failure.kind()) {
    case mail::FailureKind::kAuthentication:
      return {doubled(kSignInRetry, kLongestPollRetry, before), seconds(0), failures >= kSignInTries};
    case mail::FailureKind::kConfiguration: return {kLongestPollRetry, seconds(0), true};
    case mail::FailureKind::kStorage: return {kStorageRetry, seconds(0), false};
    case mail::FailureKind::kPermanent: return {doubled(kSignInRetry, kLongestPollRetry, before), seconds(0), false};
    default:
      // Never sooner than the user's own interval would have it, unless that is very long.
      return {std::max(doubled(kFirstPollRetry, kLongestPollRetry, before), std::min(interval, kLongestPollRetry)),
              seconds(0), false};
  }
}

// Only a server can ask; our own disk or settings say nothing of when to sign in.
bool comes_from_server(const mail::Failure& failure) {
  return failure.kind() != mail::FailureKind::kStorage && failure.kind() != mail::FailureKind::kConfiguration &&
         failure.kind() != mail::FailureKind::kCancelled;
}

}  // namespace

AccountVerdict judge_poll(const mail::Failure& failure, unsigned failures, seconds interval) {
  AccountVerdict verdict = judge_by_kind(failure, failures, interval);
  if (!comes_from_server(failure)) return verdict;
  auto hint = failure.retry_after();
  if (!hint) hint = backoff_hint(failure.text());
  if (!hint) return verdict;
  verdict.not_before = std::clamp<seconds>(*hint, seconds(1), kLongestHint);
  verdict.retry_in = std::max(verdict.retry_in, verdict.not_before);
  return verdict;
}

seconds retry_delay(const RetryPolicy& policy, unsigned attempts, std::uint64_t spread) {
  const std::size_t step = std::min<std::size_t>(attempts > 0 ? attempts - 1 : 0, policy.schedule.size() - 1);
  return spread_by_a_tenth(policy.schedule.at(step), spread);
}

seconds rest_of_destination(unsigned failures, std::uint64_t spread) {
  return spread_by_a_tenth(doubled(kFirstRest, kLongestRest, failures > 0 ? failures - 1 : 0), spread);
}

bool stops_everything(const mail::Failure& failure) noexcept {
  return failure.kind() == mail::FailureKind::kStorage && failure.scope() == mail::FailureScope::kProcess;
}

}  // namespace mailstead::agent
