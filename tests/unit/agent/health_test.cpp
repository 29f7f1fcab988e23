#include "agent/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using namespace std::chrono_literals;

const mail::WallTime kNow{std::chrono::seconds(1'800'000'000)};

AccountConfig account(std::chrono::seconds poll = 5min) {
  AccountConfig made;
  made.name = "work";
  made.poll = poll;
  return made;
}

storage::AccountState state(std::chrono::seconds since_success, unsigned failures = 0, const std::string& error = "") {
  storage::AccountState made;
  made.account = "work";
  made.last_poll = kNow - 1min;
  made.last_success = kNow - since_success;
  made.failures = failures;
  made.last_error = error;
  return made;
}

TEST(Health, AnAccountIsSilentAfterADayOrTenIntervals) {
  EXPECT_EQ(trouble_of(account(), state(23h, 40, "refused"), kNow), "");
  EXPECT_EQ(trouble_of(account(), state(25h, 40, "refused"), kNow), "silent: no poll succeeded for 1d 1h: refused");
  EXPECT_EQ(trouble_of(account(6h), state(59h), kNow), "");
  EXPECT_THAT(trouble_of(account(6h), state(61h), kNow), StartsWith("silent: no poll succeeded for"));
}

TEST(Health, TheUserMaySetTheSilence) {
  EXPECT_THAT(trouble_of(account(), state(2h), kNow, 1h), StartsWith("silent"));
  EXPECT_EQ(trouble_of(account(), state(48h), kNow, 72h), "");
}

TEST(Health, APausedAccountIsToldAtOnce) {
  auto paused = state(1min, 3, "Authentication failed");
  paused.paused = true;
  EXPECT_EQ(trouble_of(account(), paused, kNow), "paused: Authentication failed");
}

TEST(Health, AnAccountThatNeverSucceededIsToldAfterItsSecondFailure) {
  EXPECT_EQ(trouble_of(account(), std::nullopt, kNow), "never polled");
  auto fresh = state(0s, 1, "no route to host");
  fresh.last_success.reset();
  EXPECT_EQ(trouble_of(account(), fresh, kNow), "");
  fresh.failures = 2;
  EXPECT_EQ(trouble_of(account(), fresh, kNow), "no poll succeeded yet, 2 failed: no route to host");
}

TEST(Health, AClockThatWentBackIsNoSilence) {
  EXPECT_EQ(trouble_of(account(), state(-48h), kNow), "");
}

class HealthOfAll : public testing::Test {
 protected:
  HealthOfAll() { config.accounts["work"] = account(); }

  static storage::Trouble trouble(storage::Uid uid, bool stepped_over = true) {
    return {{"work", "INBOX", 7, uid, ""}, 3, kNow - 1h, kNow + 23h, "the server closed the connection", stepped_over};
  }
  static storage::QueuedDelivery delivery(std::chrono::seconds age) {
    storage::QueuedDelivery made;
    made.destination = "relay";
    made.created = kNow - age;
    made.last_error = "451 try later";
    return made;
  }
  std::vector<std::string> troubles() { return troubles_of({config, {state(1min)}, stepped_over, queue}, kNow); }

  Config config;
  std::vector<storage::Trouble> stepped_over;
  std::vector<storage::QueuedDelivery> queue;
};

TEST_F(HealthOfAll, AllIsWell) {
  stepped_over.push_back(trouble(3, false));  // a message that failed once is not stepped over yet
  queue.push_back(delivery(2h));
  EXPECT_THAT(troubles(), IsEmpty());
}

TEST_F(HealthOfAll, MessagesSteppedOverAreNamedAndCounted) {
  for (storage::Uid uid = 1; uid <= 5; ++uid) stepped_over.push_back(trouble(uid));
  EXPECT_THAT(troubles(),
              ElementsAre(testing::AllOf(
                  StartsWith("account work: 5 messages were stepped over: INBOX, UID 1, tried 3 times: the server"),
                  HasSubstr("UID 3"), HasSubstr("and 2 more"))));
}

TEST_F(HealthOfAll, ADeliveryThatWaitsForMoreThanADayIsTold) {
  queue.push_back(delivery(25h));
  queue.push_back(delivery(50h));
  queue.push_back(delivery(1h));
  EXPECT_THAT(troubles(), ElementsAre("queue: 2 deliveries wait for more than 1d, the oldest for 2d 2h to relay: 451 "
                                      "try later"));
}

TEST_F(HealthOfAll, RemoteWordsStayOneLine) {
  auto bad = trouble(1);
  bad.reason = "a\nb\x1b[2J";
  stepped_over.push_back(bad);
  ASSERT_EQ(troubles().size(), 1U);
  EXPECT_EQ(troubles()[0].find('\n'), std::string::npos);
  EXPECT_EQ(troubles()[0].find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace mailstead::agent
