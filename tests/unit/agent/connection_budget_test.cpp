#include "agent/pipeline/connection_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "mail/failure.h"

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;

constexpr auto kPatience = 20s;

TEST(ConnectionBudget, WhoWaitsAsksForRoom) {
  ConnectionLimits limits;
  limits.per_host = 1;
  ConnectionBudget budget(limits);
  const ConnectionBudget::Place place{"host", "a"};
  auto held = budget.take(place, net::Deadline::in(std::chrono::seconds(10)));
  std::string asked;
  budget.ask_for_room([&](const ConnectionBudget::Place& wanted) {
    asked = wanted.user;
    held.reset();
  });
  EXPECT_NE(budget.take({"host", "b"}, net::Deadline::in(std::chrono::seconds(10))), nullptr);
  EXPECT_EQ(asked, "b");
}

TEST(ConnectionBudget, CountsByHostAndBySignInAndInAll) {
  ConnectionLimits limits;
  limits.connections = 5;
  limits.per_host = 3;
  limits.hosts["small.example"] = 1;
  ConnectionBudget budget(limits);
  std::vector<ConnectionBudget::Permit> permits;
  for (int i = 0; i < 3; ++i) permits.push_back(budget.try_take({"a.example", "u"}));
  EXPECT_EQ(budget.bound_at({"a.example", "v"}), ConnectionBudget::Bound::kHost);
  EXPECT_EQ(budget.try_take({"a.example", "v"}), nullptr);
  permits.push_back(budget.try_take({"small.example", "u"}));
  EXPECT_EQ(budget.bound_at({"small.example", "u"}), ConnectionBudget::Bound::kHost);
  permits.push_back(budget.try_take({"b.example", "u"}));
  EXPECT_EQ(budget.bound_at({"c.example", "u"}), ConnectionBudget::Bound::kAll);
  EXPECT_EQ(budget.open(), 5U);
  permits.clear();
  EXPECT_EQ(budget.open(), 0U);
  EXPECT_TRUE(budget.has_room({"a.example", "v"}));
}

TEST(ConnectionBudget, KnowsWhatTheLargeProvidersGrantOneUser) {
  EXPECT_EQ(sign_in_limit("imap.gmail.com"), 15U);
  EXPECT_EQ(sign_in_limit("IMAP.Mail.Yahoo.com"), 5U);
  EXPECT_EQ(sign_in_limit("outlook.office365.com"), 20U);
  EXPECT_EQ(sign_in_limit("notgmail.com"), 8U);
  ConnectionBudget budget;
  std::vector<ConnectionBudget::Permit> permits;
  for (int i = 0; i < 5; ++i) permits.push_back(budget.try_take({"imap.mail.yahoo.com", "u"}));
  EXPECT_EQ(budget.bound_at({"imap.mail.yahoo.com", "u"}), ConnectionBudget::Bound::kSignIn);
  EXPECT_TRUE(budget.has_room({"imap.mail.yahoo.com", "v"}));
}

TEST(ConnectionBudget, AWaitForRoomEndsWithRoomDeadlineOrStop) {
  ConnectionLimits limits;
  limits.connections = 1;
  ConnectionBudget budget(limits);
  auto permit = budget.try_take({"a", "u"});
  EXPECT_THROW((void)budget.take({"a", "u"}, net::Deadline::in(0ms)), Failure);
  std::stop_source stop;
  stop.request_stop();
  try {
    (void)budget.take({"a", "u"}, net::Deadline::in(kPatience, stop.get_token()));
    ADD_FAILURE() << "took a permit that nobody has";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kCancelled);
  }
  std::jthread other([&] { permit.reset(); });
  EXPECT_NE(budget.take({"a", "u"}, net::Deadline::in(kPatience)), nullptr);
}

}  // namespace
}  // namespace mailstead::agent
