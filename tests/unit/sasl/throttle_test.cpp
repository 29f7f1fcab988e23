#include "connectors/sasl/throttle.h"

#include <gtest/gtest.h>

#include "connectors/address_group.h"

namespace mailstead::sasl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ManualClock final : public mail::Clock {
 public:
  mail::WallTime wall() const override { return {}; }
  mail::SteadyTime steady() const override { return now; }
  mail::SteadyTime now{std::chrono::hours(100)};
};

constexpr bool kBad = false, kGood = true;

class ThrottleTest : public ::testing::Test {
 protected:
  // In milliseconds; -1: refused.
  std::int64_t judge(const std::string& address, const std::string& user, bool good, bool exempt = false) {
    const auto wait = throttle.judge(address, exempt, user, good);
    return wait ? wait->count() : -1;
  }
  // An attempt by a client that waits for its answer.
  std::int64_t tried(const std::string& address, const std::string& user, bool good, bool exempt = false) {
    const auto wait = judge(address, user, good, exempt);
    clock.now += milliseconds(std::max<std::int64_t>(wait, 0));
    return wait;
  }
  ManualClock clock;
  Throttle throttle{clock};
};

TEST_F(ThrottleTest, NobodyWaitsBeforeAFailure) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(judge("192.0.2.1", "alice", kGood), 0);
}

TEST_F(ThrottleTest, EachFailureOfAnAddressCostsMoreAndTimeForgives) {
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 8; ++i) waits.push_back(tried("192.0.2.1", "user" + std::to_string(i), kBad));
  EXPECT_EQ(waits[0], 0);
  for (std::size_t i = 1; i < waits.size(); ++i) EXPECT_GE(waits[i], waits[i - 1]) << i;
  EXPECT_NEAR(static_cast<double>(waits[1]), 1000, 50);
  EXPECT_EQ(waits[7], 15'000);
  EXPECT_EQ(judge("192.0.2.2", "other", kGood), 0) << "another address waits for nothing";
  clock.now += std::chrono::minutes(11);
  EXPECT_EQ(judge("192.0.2.1", "fresh", kGood), 0);
}

TEST_F(ThrottleTest, AGoodAnswerTakesAsLongAsABadOne) {
  for (int i = 0; i < 4; ++i) (void)tried("192.0.2.1", "alice", kBad);
  ManualClock other_clock;
  Throttle other(other_clock);
  for (int i = 0; i < 4; ++i) {
    const auto wait = other.judge("192.0.2.1", false, "alice", kBad);
    other_clock.now += *wait;
  }
  EXPECT_EQ(judge("192.0.2.1", "alice", kGood), other.judge("192.0.2.1", false, "alice", kBad)->count());
}

TEST_F(ThrottleTest, ManyConnectionsOfOneAddressAreAnsweredOneAfterTheOther) {
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 100; ++i) waits.push_back(judge("192.0.2.1", "user" + std::to_string(i), kBad));
  const auto answered = std::count_if(waits.begin(), waits.end(), [](std::int64_t wait) { return wait >= 0; });
  EXPECT_LE(answered, 7) << "within half a minute";
  EXPECT_EQ(waits.back(), -1);
  EXPECT_TRUE(throttle.admits("192.0.2.9"));
  EXPECT_FALSE(throttle.admits("192.0.2.1")) << "nothing is looked at now";
  clock.now += seconds(60);
  EXPECT_TRUE(throttle.admits("192.0.2.1"));
}

TEST_F(ThrottleTest, ANameIsGuessedSlowlyFromManyAddresses) {
  int answered = 0;
  for (int i = 0; i < 1000; ++i) answered += judge("192.0.2." + std::to_string(i), "alice", kBad) >= 0 ? 1 : 0;
  EXPECT_LE(answered, 12);
  EXPECT_EQ(judge("198.51.100.1", "bob", kGood), 0) << "another name";
}

TEST_F(ThrottleTest, WhoHasSignedInIsNotKeptOutByThoseWhoGuess) {
  EXPECT_EQ(judge("198.51.100.1", "alice", kGood), 0);
  for (int i = 0; i < 1000; ++i) (void)judge("192.0.2." + std::to_string(i), "alice", kBad);
  EXPECT_EQ(judge("203.0.113.1", "alice", kGood), -1) << "from elsewhere: later";
  EXPECT_EQ(judge("198.51.100.1", "alice", kGood), 0);
  // Nor by somebody behind the same address who tries other names.
  for (int i = 0; i < 20; ++i) (void)judge("198.51.100.1", "user" + std::to_string(i), kBad);
  EXPECT_EQ(judge("198.51.100.1", "alice", kGood), 0);
  // Who guesses from there pays all the same.
  std::int64_t longest = 0;
  for (int i = 0; i < 8; ++i) longest = std::max(longest, tried("198.51.100.1", "alice", kBad));
  EXPECT_EQ(longest, 15'000);
}

TEST_F(ThrottleTest, GuessingDoesNotKeepAnAddressTrusted) {
  EXPECT_EQ(judge("198.51.100.1", "alice", kGood), 0);
  clock.now += std::chrono::hours(24 * 29);
  (void)tried("198.51.100.1", "alice", kBad);
  clock.now += std::chrono::hours(24 * 2);
  for (int i = 0; i < 1000; ++i) (void)judge("192.0.2." + std::to_string(i), "alice", kBad);
  EXPECT_EQ(judge("198.51.100.1", "alice", kGood), -1);
}

TEST_F(ThrottleTest, ThisMachineIsNotCountedButTheNameIs) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(judge("127.0.0.1", "user" + std::to_string(i), kBad, true), 0);
  EXPECT_EQ(judge("127.0.0.1", "alice", kBad, true), 0);
  EXPECT_GT(judge("127.0.0.1", "alice", kBad, true), 0);
  EXPECT_LE(tried("127.0.0.1", "alice", kBad, true), 4'000);
}

TEST_F(ThrottleTest, RemembersOnlySoMany) {
  ThrottleSettings settings;
  settings.remembered = 10;
  Throttle small(clock, settings);
  (void)small.judge("192.0.2.1", false, "alice", kBad);
  EXPECT_GT(small.judge("192.0.2.1", false, "bob", kBad)->count(), 0);
  for (int i = 0; i < 10; ++i) (void)small.judge("198.51.100." + std::to_string(i), false, std::to_string(i), kBad);
  EXPECT_EQ(small.judge("192.0.2.1", false, "carol", kBad)->count(), 0) << "forgotten for others";
}

TEST(AddressGroup, IsANetworkOfIpv6) {
  using connectors::address_group;
  EXPECT_EQ(address_group("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(address_group("2001:db8:1:2::1"), "2001:db8:1:2::/64");
  EXPECT_NE(address_group("2001:db8:1:3::1"), "2001:db8:1:2::/64");
  EXPECT_EQ(address_group("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(address_group("::1"), "::1");
}

}  // namespace
}  // namespace mailstead::sasl
