#include "agent/trouble.h"

#include <gtest/gtest.h>

namespace mailstead::agent {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

AccountVerdict judge(FailureKind kind, unsigned failures) {
  return judge_poll(Failure(kind, FailureScope::kAccount, "x"), failures, minutes(5));
}

TEST(Trouble, SignInsAreTriedAtMostOnceInFiveMinutesAndThriceInARow) {
  EXPECT_GE(judge(FailureKind::kAuthentication, 1).retry_in, minutes(5));
  EXPECT_FALSE(judge(FailureKind::kAuthentication, 2).pause);
  EXPECT_TRUE(judge(FailureKind::kAuthentication, 3).pause);
}

TEST(Trouble, TheDelayOfAnAccountGrowsAndIsBounded) {
  seconds before{0};
  for (unsigned failures = 1; failures < 100; ++failures) {
    const auto verdict = judge(FailureKind::kTemporary, failures);
    EXPECT_GE(verdict.retry_in, before);
    EXPECT_LE(verdict.retry_in, hours(1));
    EXPECT_FALSE(verdict.pause);
    before = verdict.retry_in;
  }
  EXPECT_EQ(before, hours(1));
}

TEST(Trouble, AWrongConfigurationWaitsForTheUser) {
  EXPECT_TRUE(judge(FailureKind::kConfiguration, 1).pause);
}

TEST(Trouble, DeliveriesAreRetriedByTheScheduleWhoseLastEntryGoesOnAndSpread) {
  RetryPolicy policy;
  policy.schedule = {minutes(1), minutes(30), hours(4)};
  EXPECT_EQ(retry_delay(policy, 1, 0), minutes(1));
  EXPECT_EQ(retry_delay(policy, 2, 0), minutes(30));
  for (unsigned attempts = 3; attempts < 100; ++attempts) {
    EXPECT_GE(retry_delay(policy, attempts, 12345), hours(4));
    EXPECT_LE(retry_delay(policy, attempts, 12345), hours(4) + minutes(24));
  }
  EXPECT_NE(retry_delay(policy, 9, 1), retry_delay(policy, 9, 2));
}

TEST(Trouble, ADestinationThatFailsIsLeftAloneEverLongerUpToTenMinutes) {
  EXPECT_EQ(rest_of_destination(1, 0), std::chrono::seconds(30));
  EXPECT_EQ(rest_of_destination(2, 0), std::chrono::seconds(60));
  EXPECT_LE(rest_of_destination(1000, 59), minutes(11));
}

TEST(Trouble, OnlyOurOwnDiskStopsEverything) {
  EXPECT_TRUE(stops_everything(Failure(FailureKind::kStorage, FailureScope::kProcess, "x")));
  EXPECT_FALSE(stops_everything(Failure(FailureKind::kStorage, FailureScope::kMessage, "x")));
  EXPECT_FALSE(stops_everything(Failure(FailureKind::kTemporary, FailureScope::kProcess, "x")));
}

}  // namespace
}  // namespace mailstead::agent
