#include "agent/control/poll_request.h"

#include "agent/control/requests.h"
#include "tests/unit/agent/world.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace mailstead::agent::control {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(PollRequest, EveryOptionTravels) {
  PollRequest sent;
  sent.accounts = {"work", "home"};
  sent.retry_skipped = true;
  sent.options.limit = 7;
  sent.options.mark_retrieved = true;
  sent.options.folders = {"INBOX", "Lists/*"};
  sent.options.since = mail::WallTime(std::chrono::seconds(1'700'000'000));
  const PollRequest got = read_poll_request(to_json(sent));
  EXPECT_EQ(got.accounts, sent.accounts);
  EXPECT_TRUE(got.retry_skipped);
  EXPECT_EQ(got.options.limit, 7U);
  EXPECT_TRUE(got.options.mark_retrieved);
  EXPECT_FALSE(got.options.dry_run);
  EXPECT_EQ(got.options.folders, sent.options.folders);
  EXPECT_EQ(got.options.since, sent.options.since);
}

TEST(PollRequest, TheShortestAsksForAll) {
  const PollRequest got = read_poll_request(json{{"do", "poll"}});
  EXPECT_THAT(got.accounts, IsEmpty());
  EXPECT_EQ(got.options.limit, 0U);
  EXPECT_FALSE(got.options.since);
}

class PollRequests : public World {
 protected:
  json ask(const json& request) {
    return handle(request, {*store,
                            clock,
                            [this](const std::string& account, const retrieval::PollOptions& options) {
                              asked.push_back(account);
                              last = options;
                              return account != "unknown";
                            },
                            {},
                            {}});
  }
  std::vector<std::string> asked;
  retrieval::PollOptions last;
};

TEST_F(PollRequests, ReachTheSchedulerWithTheirOptions) {
  EXPECT_TRUE(ask({{"do", "poll"}, {"accounts", {"work"}}, {"limit", 3}, {"folders", {"INBOX"}}}).at("ok").get<bool>());
  EXPECT_THAT(asked, ElementsAre("work"));
  EXPECT_EQ(last.limit, 3U);
  EXPECT_THAT(last.folders, ElementsAre("INBOX"));
}

TEST_F(PollRequests, OfAnUnknownAccountAreRefused) {
  EXPECT_FALSE(ask({{"do", "poll"}, {"accounts", {"unknown"}}}).at("ok").get<bool>());
}

TEST_F(PollRequests, ThatAreMalformedAreRefused) {
  for (const json& bad : {json{{"do", "poll"}, {"limit", "three"}}, json{{"do", "poll"}, {"accounts", 5}},
                          json{{"do", "poll"}, {"since", json::array()}}, json{{"do", "poll"}, {"folders", {1, 2}}}}) {
    EXPECT_FALSE(ask(bad).at("ok").get<bool>()) << bad;
    EXPECT_THAT(asked, IsEmpty());
  }
}

TEST_F(PollRequests, MayForgetWhatWasSkipped) {
  store->ledger().advance("work", "INBOX", 7, 1, 0);
  store->ledger().skip({"work", "INBOX", 7, 9, ""}, clock.now, "too large");
  EXPECT_TRUE(ask({{"do", "poll"}, {"accounts", {"work"}}, {"retry_skipped", true}}).at("ok").get<bool>());
  EXPECT_THAT(store->ledger().folder("work", "INBOX")->skipped, IsEmpty());
}

}  // namespace
}  // namespace mailstead::agent::control
