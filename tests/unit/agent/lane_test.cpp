// What one destination is given, and when.
#include "agent/delivery/lane.h"

#include <gtest/gtest.h>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;

constexpr mail::SteadyTime kBegin{std::chrono::hours(1000)};

DestinationConfig settings(RateLimit rate = {}) {
  DestinationConfig made;
  made.name = "out";
  made.type = DestinationConfig::Type::kSmtp;
  made.connections = 3;
  made.rate = rate;
  return made;
}

void give(Lane& lane, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) lane.waiting.emplace_back();
}

TEST(Lane, TakesSoManyInHandAndMoreWhenHalfIsDone) {
  Lane lane(settings(), nullptr);
  EXPECT_EQ(lane.room(kBegin), 1U) << "one tries it first";
  lane.worked();
  EXPECT_EQ(lane.room(kBegin), Lane::kInHand);
  give(lane, Lane::kInHand / 2 + 1);
  EXPECT_EQ(lane.room(kBegin), 0U);
  lane.waiting.pop_back();
  EXPECT_EQ(lane.room(kBegin), Lane::kInHand / 2);
}

TEST(Lane, WantsAWorkerForEachThatWaitsUpToItsConnections) {
  Lane lane(settings(), nullptr);
  EXPECT_FALSE(lane.wants_worker(kBegin));
  give(lane, 1);
  EXPECT_TRUE(lane.wants_worker(kBegin));
  ++lane.working, ++lane.starting;
  EXPECT_FALSE(lane.wants_worker(kBegin)) << "the one that starts takes it";
  // It is busy with that one, and another message comes.
  lane.starting = 0;
  EXPECT_TRUE(lane.wants_worker(kBegin));
  lane.working = 3;
  EXPECT_FALSE(lane.wants_worker(kBegin));
}

TEST(Lane, AfterAFailureItIsLeftAloneThenTriedByOneAndOnlySuccessLetsTheRestFollow) {
  Lane lane(settings(), nullptr);
  lane.failed("no route", false, kBegin, 0);
  EXPECT_EQ(lane.room(kBegin), 0U);
  EXPECT_EQ(lane.rests_until(kBegin), kBegin + 30s);
  EXPECT_EQ(lane.failure(), "no route");
  const auto later = kBegin + 31s;
  EXPECT_EQ(lane.room(later), 1U);
  give(lane, 1);
  EXPECT_EQ(lane.room(later), 0U);
  lane.failed("no route", false, later, 0);
  EXPECT_EQ(lane.rests_until(later), later + 60s);
  lane.waiting.clear();
  lane.forget_rest();
  EXPECT_EQ(lane.room(later), 1U);
  lane.worked();
  EXPECT_EQ(lane.room(later), Lane::kInHand);
  EXPECT_EQ(lane.failure(), "");
}

TEST(Lane, AnOutageIsLongByTheTimeThatPassedAndIsReportedOnce) {
  Lane lane(settings(), nullptr);
  lane.failed("no", true, kBegin, 0);
  lane.failed("no", false, kBegin + 30min, 0);
  EXPECT_FALSE(lane.failing_for_long(kBegin + 59min));
  EXPECT_TRUE(lane.failing_for_long(kBegin + 61min));
  EXPECT_TRUE(lane.outage_reported());
  lane.worked();
  EXPECT_FALSE(lane.failing_for_long(kBegin + 61min));
  EXPECT_FALSE(lane.outage_reported());
}

TEST(Lane, UnderANewConfigurationItIsTriedAtOnceAndByOne) {
  Lane before(settings(), nullptr), after(settings(), nullptr);
  before.failed("no", true, kBegin, 0);
  after.learn_from(before);
  EXPECT_EQ(after.room(kBegin), 1U);
  EXPECT_TRUE(after.outage_reported());
}

TEST(Pace, LetsThroughABucketfulThenAsMuchAsFlowsIn) {
  Pace pace({10, 0, 60s});
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(pace.ready(kBegin));
    pace.took(1, kBegin);
  }
  EXPECT_FALSE(pace.ready(kBegin));
  EXPECT_EQ(pace.ready_at(kBegin), kBegin + 6s);
  EXPECT_FALSE(pace.ready(kBegin + 5900ms));
  EXPECT_TRUE(pace.ready(kBegin + 6s));
  // An hour of rest fills one bucket, not many.
  for (int i = 0; i < 10; ++i) pace.took(1, kBegin + 1h);
  EXPECT_FALSE(pace.ready(kBegin + 1h));
}

TEST(Pace, AMessageLargerThanTheBucketGoesAndIsPaidForByWaiting) {
  Pace pace({0, 1000, 10s});
  EXPECT_TRUE(pace.ready(kBegin));
  pace.took(5000, kBegin);
  EXPECT_FALSE(pace.ready(kBegin + 39s));
  EXPECT_TRUE(pace.ready(kBegin + 41s));
}

TEST(Pace, WithoutALimitAlwaysReady) {
  Pace pace({});
  for (int i = 0; i < 1000; ++i) pace.took(1'000'000, kBegin);
  EXPECT_TRUE(pace.ready(kBegin));
}

TEST(Lane, RestsWhenItsRateIsUsedUp) {
  Lane lane(settings({2, 0, 60s}), nullptr);
  lane.worked();
  lane.took(1, kBegin);
  EXPECT_EQ(lane.room(kBegin), Lane::kInHand);
  lane.took(1, kBegin);
  EXPECT_TRUE(lane.rests(kBegin));
  EXPECT_EQ(lane.room(kBegin), 0U);
  EXPECT_EQ(lane.rests_until(kBegin), kBegin + 30s);
}

}  // namespace
}  // namespace mailstead::agent
