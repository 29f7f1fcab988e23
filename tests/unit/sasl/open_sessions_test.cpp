#include "connectors/sasl/open_sessions.h"

#include <gtest/gtest.h>

#include "connectors/sasl/doorkeeper.h"

namespace mailstead::sasl {
namespace {

TEST(OpenSessions, EndWithTheirPassword) {
  auto sessions = std::make_shared<OpenSessions>();
  int own_woken = 0, phone_woken = 0, desk_woken = 0, bob_woken = 0;
  auto own = sessions->enter({"alice", ""}, [&] { ++own_woken; });
  auto phone = sessions->enter({"alice", "phone"}, [&] { ++phone_woken; });
  auto desk = sessions->enter({"alice", "desk"}, [&] { ++desk_woken; });
  auto bob = sessions->enter({"bob", "phone"}, [&] { ++bob_woken; });

  sessions->end("alice", "phone");
  EXPECT_TRUE(phone->revoked());
  EXPECT_FALSE(own->revoked() || desk->revoked() || bob->revoked());
  sessions->end("alice", "");
  EXPECT_TRUE(own->revoked());
  EXPECT_FALSE(desk->revoked() || bob->revoked());
  sessions->end("alice");
  EXPECT_TRUE(desk->revoked());
  EXPECT_FALSE(bob->revoked());
  EXPECT_EQ(own_woken + phone_woken + desk_woken, 3) << "each once";
  EXPECT_EQ(bob_woken, 0);
}

TEST(OpenSessions, ForgetThoseThatAreGone) {
  auto sessions = std::make_shared<OpenSessions>();
  int woken = 0;
  sessions->enter({"alice", ""}, [&] { ++woken; }).reset();
  sessions->end("alice");
  EXPECT_EQ(woken, 0);
  auto later = sessions->enter({"alice", ""}, [&] { ++woken; });
  EXPECT_FALSE(later->revoked()) << "a later sign-in is none of the matter";
}

// A wake may end the session, and with it its place.
TEST(OpenSessions, MayLeaveInTheirWake) {
  auto sessions = std::make_shared<OpenSessions>();
  std::unique_ptr<OpenSessions::Place> place;
  place = sessions->enter({"alice", ""}, [&] { place.reset(); });
  sessions->end("alice");
  EXPECT_EQ(place, nullptr);
}

TEST(OpenSessions, AreLimitedPerUser) {
  auto sessions = std::make_shared<OpenSessions>();
  auto first = sessions->enter({"alice", ""}, {}, 2);
  auto second = sessions->enter({"alice", "phone"}, {}, 2);
  EXPECT_EQ(sessions->enter({"alice", ""}, {}, 2), nullptr);
  EXPECT_NE(sessions->enter({"bob", ""}, {}, 2), nullptr);
  second.reset();
  EXPECT_NE(sessions->enter({"alice", ""}, {}, 2), nullptr);
}

TEST(Doorkeeper, LetsNobodyInWhosePasswordWasRevokedMeanwhile) {
  UserKeys keys(make_keys(mail::Secret("x"), 4096));
  keys.app_passwords = {{"phone", keys.password}};
  const KeyLookup lookup([&](const std::string& user) { return user == "alice" ? std::optional(keys) : std::nullopt; });
  std::vector<std::string> noted;
  Doorkeeper door;
  door.signed_in = [&](const Identity& identity) { noted.push_back(identity.user + "/" + identity.app_password); };
  using Answer = Doorkeeper::Answer;
  std::unique_ptr<OpenSessions::Place> place;
  EXPECT_EQ(door.admit(lookup, {"alice", ""}, {}, place), Answer::kEntered);
  EXPECT_EQ(door.admit(lookup, {"alice", "phone"}, {}, place), Answer::kEntered);
  keys.app_passwords.clear();
  EXPECT_EQ(door.admit(lookup, {"alice", "phone"}, {}, place), Answer::kRevoked);
  EXPECT_EQ(place, nullptr);
  EXPECT_EQ(door.admit(lookup, {"bob", ""}, {}, place), Answer::kRevoked);
  EXPECT_EQ(noted, (std::vector<std::string>{"alice/", "alice/phone"}));
}

// Proved, but changed before the last word was said.
TEST(Doorkeeper, LetsNobodyInWithThePasswordOfBefore) {
  UserKeys keys(make_keys(mail::Secret("old"), 4096));
  keys.app_passwords = {{"phone", make_keys_beside(keys.password, mail::Secret("app"))}};
  const KeyLookup lookup([&](const std::string&) { return std::optional(keys); });
  const auto own = check_password(lookup, "alice", "old");
  const auto app = check_password(lookup, "alice", "app");
  ASSERT_TRUE(own && app);
  Doorkeeper door;
  std::unique_ptr<OpenSessions::Place> place;
  using Answer = Doorkeeper::Answer;
  EXPECT_EQ(door.admit(lookup, *own, {}, place), Answer::kEntered);
  EXPECT_EQ(door.admit(lookup, *app, {}, place), Answer::kEntered);
  keys.app_passwords = {{"phone", make_keys_beside(keys.password, mail::Secret("another of that name"))}};
  EXPECT_EQ(door.admit(lookup, *app, {}, place), Answer::kRevoked);
  keys.password = make_keys_beside(keys.password, mail::Secret("new"));
  EXPECT_EQ(door.admit(lookup, *own, {}, place), Answer::kRevoked);
}

}  // namespace
}  // namespace mailstead::sasl
