// When accounts are polled: intervals, backoff, hints, hours. All with times that are given.
#include <gtest/gtest.h>

#include <stdlib.h>
#include <time.h>

#include <set>

#include "agent/backoff_hint.h"
#include "agent/pipeline/poll_plan.h"
#include "agent/pipeline/poll_window.h"
#include "agent/pipeline/trouble_log.h"

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using mail::SteadyTime;
using std::chrono::seconds;

TEST(PollPlan, AnIntervalIsKeptWithinATwentieth) {
  std::set<std::int64_t> waits;
  for (int i = 0; i < 1000; ++i) {
    const auto next = plan_next_poll(300s, {}, spread_of("work", SteadyTime(seconds(i))));
    EXPECT_GE(next.in, 285s);
    EXPECT_LE(next.in, 315s);
    EXPECT_FALSE(next.paused);
    waits.insert(next.in.count());
  }
  EXPECT_GT(waits.size(), 20U);  // they do not fall into step
}

TEST(PollPlan, MoreToFetchIsFetchedSoon) {
  PollEnd end;
  end.more = true;
  EXPECT_LE(plan_next_poll(1h, end, 7).in, 2s);
}

TEST(PollPlan, WhatTheServerAsksForIsNeverUndercut) {
  for (std::uint64_t spread = 0; spread < 1000; spread += 7) {
    PollEnd end;
    end.more = spread % 2 == 0;
    end.not_before = 600s;  // LOGIN-DELAY
    const auto next = plan_next_poll(5s, end, spread);
    EXPECT_GE(next.in, 600s);
    EXPECT_LE(next.in, 720s);
    EXPECT_EQ(next.not_before, 600s);
  }
}

TEST(PollPlan, BackoffIsNeverShorterThanJudgedAndIsSpread) {
  PollEnd end;
  end.trouble = AccountVerdict{600s, 0s, false};
  std::set<std::int64_t> waits;
  for (std::uint64_t spread = 0; spread < 1000; ++spread) {
    const auto next = plan_next_poll(300s, end, spread_of("a", SteadyTime(seconds(spread))));
    EXPECT_GE(next.in, 600s);
    EXPECT_LE(next.in, 720s);
    waits.insert(next.in.count());
  }
  EXPECT_GT(waits.size(), 50U);
}

TEST(PollPlan, APausedAccountIsNotDue) {
  PollEnd end;
  end.trouble = AccountVerdict{600s, 0s, true};
  EXPECT_TRUE(plan_next_poll(300s, end, 1).paused);
}

TEST(PollPlan, FewAccountsBeginAtOnceManyInTheirTurn) {
  EXPECT_EQ(turn_of("work", 1), 0ms);
  EXPECT_EQ(turn_of("work", 16), 0ms);
  std::set<std::int64_t> turns;
  for (int i = 0; i < 1000; ++i) {
    const auto turn = turn_of("account" + std::to_string(i), 1000);
    EXPECT_GE(turn, 0ms);
    EXPECT_LT(turn, 20s);
    EXPECT_EQ(turn, turn_of("account" + std::to_string(i), 1000));
    turns.insert(turn.count() / 1000);
  }
  EXPECT_EQ(turns.size(), 20U);  // each second has its share
  EXPECT_LE(turn_of("work", SIZE_MAX), 60s);
}

TEST(PollPlan, AServerThatWakesForNothingIsListenedToLessAndLess) {
  EXPECT_EQ(rest_after_fruitless(0), 0s);
  EXPECT_EQ(rest_after_fruitless(4), 0s);
  EXPECT_EQ(rest_after_fruitless(5), 1s);
  EXPECT_EQ(rest_after_fruitless(7), 4s);
  EXPECT_EQ(rest_after_fruitless(4'000'000'000), 300s);
}

TEST(BackoffHint, ReadsTheWordsOfServers) {
  struct Row {
    const char* words;
    std::optional<seconds> wait;
  };
  const Row rows[] = {
      {"BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", 300s},
      {"Request is throttled. Suggested Backoff Time: 999999999999999999999 milliseconds", 86400s},
      {"suggested backoff time: 1 milliseconds", 1s},
      {"[ALERT] Account exceeded command or bandwidth limits. (Failure)", 3600s},
      {"[OVERQUOTA] Account exceeded command or bandwidth limits", 3600s},
      {"[ALERT] Too many simultaneous connections. (Failure)", 600s},
      {"[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", 600s},
      {"[LIMIT] not now", 600s},
      {"[UNAVAILABLE] Temporary authentication failure", 120s},
      {"-ERR [IN-USE] mailbox is locked", 120s},
      {"please try again in 10 minutes", 600s},
      {"try again after 2 hours", 7200s},
      {"retry in: 45s", 45s},
      {"wait 90 seconds before you sign in again", 90s},
      {"Suggested Backoff Time: soon", std::nullopt},
      {"wait a minute", std::nullopt},
      {"try again in 7 lightyears", std::nullopt},
      {"invalid credentials", std::nullopt},
      {"", std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(backoff_hint(row.words), row.wait) << row.words;
}

TEST(Trouble, AHintOfTheServerIsObeyedAndALieAboutItBounded) {
  const mail::Failure failure(mail::FailureKind::kTemporary, mail::FailureScope::kAccount, "not now");
  auto verdict = judge_poll(failure.come_again_in(2h), 1, 300s);
  EXPECT_EQ(verdict.retry_in, 2h);
  EXPECT_EQ(verdict.not_before, 2h);
  verdict = judge_poll(failure.come_again_in(1000h), 1, 300s);
  EXPECT_EQ(verdict.retry_in, 24h);
  verdict = judge_poll(failure.come_again_in(1s), 1, 300s);
  EXPECT_EQ(verdict.retry_in, 300s);  // the user's interval
  verdict = judge_poll(failure, 1, 300s);
  EXPECT_EQ(verdict.not_before, 0s);
  const mail::Failure words(mail::FailureKind::kTemporary, mail::FailureScope::kSession,
                            "the server ended the session: Suggested Backoff Time: 1200000 milliseconds");
  EXPECT_EQ(judge_poll(words, 1, 300s).not_before, 1200s);
}

TEST(Trouble, OurOwnDiskAsksForNothing) {
  const mail::Failure full(mail::FailureKind::kStorage, mail::FailureScope::kProcess, "disk: quota exceeded");
  EXPECT_EQ(judge_poll(full, 1, 300s).not_before, 0s);
}

// Central Europe: in 2026 the clock goes from 2 to 3 on March 29, from 3 to 2 on October 25.
class PollWindows : public testing::Test {
 protected:
  PollWindows() {
    const char* zone = ::getenv("TZ");
    if (zone != nullptr) before_ = zone;
    had_zone_ = zone != nullptr;
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    ::tzset();
  }
  ~PollWindows() override {
    if (had_zone_)
      ::setenv("TZ", before_.c_str(), 1);
    else
      ::unsetenv("TZ");
    ::tzset();
  }
  static mail::WallTime utc(int month, int day, int hour, int minute = 0) {
    return std::chrono::sys_days(std::chrono::year(2026) / month / day) + std::chrono::hours(hour) +
           std::chrono::minutes(minute);
  }
  static PollWindow window(std::initializer_list<int> days, std::chrono::minutes from, std::chrono::minutes until) {
    PollWindow made;
    made.days.fill(false);
    for (int day : days) made.days[static_cast<std::size_t>(day)] = true;
    made.from = from;
    made.until = until;
    return made;
  }

 private:
  std::string before_;
  bool had_zone_ = false;
};

TEST_F(PollWindows, NoneAreAlwaysOpen) {
  EXPECT_TRUE(is_open({}, utc(1, 1, 0)));
  EXPECT_EQ(opens_in({}, utc(1, 1, 0)), 0s);
}

TEST_F(PollWindows, OpenAndCloseByLocalTimeOnTheirDays) {
  const std::vector<PollWindow> office{window({1, 2, 3, 4, 5}, 7h, 22h)};  // 2026-11-24 is a Tuesday
  EXPECT_FALSE(is_open(office, utc(11, 24, 5, 59)));
  EXPECT_TRUE(is_open(office, utc(11, 24, 6)));
  EXPECT_TRUE(is_open(office, utc(11, 24, 20, 59)));
  EXPECT_FALSE(is_open(office, utc(11, 24, 21)));
  EXPECT_EQ(opens_in(office, utc(11, 24, 21)), 9h);
  EXPECT_EQ(opens_in(office, utc(11, 27, 21)), 57h);                         // Friday evening to Monday morning
  EXPECT_EQ(opens_in(office, utc(11, 24, 5, 59) + 30s), 30s);                // to the second
  EXPECT_EQ(opens_in({window({2}, 6h, 7h)}, utc(11, 24, 6)), 24h * 7 - 1h);  // a week ahead
}

TEST_F(PollWindows, OverMidnightBelongToTheDayTheyBeginOn) {
  const std::vector<PollWindow> night{window({5}, 22h, 6h)};  // Friday night
  EXPECT_FALSE(is_open(night, utc(11, 27, 4)));               // Friday morning
  EXPECT_TRUE(is_open(night, utc(11, 27, 21)));
  EXPECT_TRUE(is_open(night, utc(11, 28, 4, 59)));
  EXPECT_FALSE(is_open(night, utc(11, 28, 5)));
  EXPECT_FALSE(is_open(night, utc(11, 28, 21)));
}

TEST_F(PollWindows, TheWholeDayHasNoGapAtMidnight) {
  const std::vector<PollWindow> all{window({0, 1, 2, 3, 4, 5, 6}, 0min, 24h)};
  for (int minute = 0; minute < 3 * 24 * 60; minute += 7)
    EXPECT_TRUE(is_open(all, utc(3, 28, 0, 0) + std::chrono::minutes(minute)));
}

TEST_F(PollWindows, AnHourThatTheClockLeavesOutOpensWithTheNextOne) {
  const std::vector<PollWindow> early{window({0, 1, 2, 3, 4, 5, 6}, 2h + 30min, 4h)};
  EXPECT_EQ(opens_in(early, utc(3, 29, 0)), 1h);  // 3:00 summer time is 1:00 UTC
  EXPECT_TRUE(is_open(early, utc(3, 29, 1)));
  const std::vector<PollWindow> never_today{window({0, 1, 2, 3, 4, 5, 6}, 2h, 3h)};
  EXPECT_EQ(opens_in(never_today, utc(3, 29, 0, 30)), 23h + 30min);  // 2:00 summer time of Monday is 0:00 UTC
}

TEST_F(PollWindows, AnHourThatComesTwiceIsOpenTwice) {
  const std::vector<PollWindow> twice{window({0}, 2h, 3h)};
  EXPECT_TRUE(is_open(twice, utc(10, 25, 0, 30)));
  EXPECT_TRUE(is_open(twice, utc(10, 25, 1, 30)));
  EXPECT_FALSE(is_open(twice, utc(10, 25, 2)));
  EXPECT_EQ(opens_in(twice, utc(10, 24, 23)), 1h);
}

TEST_F(PollWindows, AWeekWithoutAnyDayNeverOpens) {
  EXPECT_EQ(opens_in({window({}, 7h, 8h)}, utc(11, 24, 5)), std::nullopt);
}

TEST(TroubleLog, TellsAnAccountsTroubleOnceAndThatItEnded) {
  TroubleLog log;
  const SteadyTime start{};
  EXPECT_EQ(log.failed("a", "imap.example.org:993: connection refused", start), TroubleLog::Say::kIt);
  for (int minute = 1; minute < 300; ++minute)
    EXPECT_EQ(log.failed("a", "imap.example.org:993: connection refused", start + std::chrono::minutes(minute)),
              TroubleLog::Say::kNothing);
  EXPECT_EQ(log.failed("a", "imap.example.org:993: no answer in time", start + 301min), TroubleLog::Say::kIt);
  EXPECT_EQ(log.failed("a", "imap.example.org:993: no answer in time", start + 700min), TroubleLog::Say::kIt);
  EXPECT_TRUE(log.succeeded("a"));
  EXPECT_FALSE(log.succeeded("a"));
  EXPECT_EQ(log.failed("a", "imap.example.org:993: no answer in time", start + 701min), TroubleLog::Say::kIt);
}

TEST(TroubleLog, ANetworkThatIsDownIsToldAFewTimesNotForEachAccount) {
  TroubleLog log;
  const SteadyTime start{};
  int said = 0, others = 0;
  const auto round = [&](int minute) {
    for (int i = 0; i < 1000; ++i) {
      const auto name = std::to_string(i);
      const auto say =
          log.failed(name, "host" + name + ":993: network is unreachable", start + std::chrono::minutes(minute));
      said += say == TroubleLog::Say::kIt;
      others += say == TroubleLog::Say::kOthers;
    }
  };
  for (int minute = 0; minute < 60; ++minute) round(minute);
  EXPECT_EQ(said, 3);
  EXPECT_EQ(others, 1);
  int back = 0;
  for (int i = 0; i < 1000; ++i) back += log.succeeded(std::to_string(i));
  EXPECT_EQ(back, 3);
  round(61);  // the next storm is news again
  EXPECT_EQ(said, 6);
  EXPECT_EQ(others, 2);
}

TEST(TroubleLog, TheLastOneLeftOfAStormIsNamed) {
  TroubleLog log;
  for (const char* name : {"a", "b", "c", "d"}) (void)log.failed(name, "x: network is unreachable", SteadyTime{});
  for (const char* name : {"a", "b", "c"}) (void)log.succeeded(name);
  EXPECT_EQ(log.failed("d", "x: network is unreachable", SteadyTime{}), TroubleLog::Say::kIt);
}

}  // namespace
}  // namespace mailstead::agent
