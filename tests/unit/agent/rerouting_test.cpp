#include "agent/pipeline/rerouting.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "agent/pipeline/intake.h"
#include "agent/pipeline/replay.h"
#include "tests/unit/agent/world.h"

namespace mailstead::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Rerouting : public World {
 protected:
  // Rules as given; "home" is the default, "out" leaves the house.
  void rules(const std::string& text) {
    configure(R"("accounts": {"work": {"protocol": "imap", "host": "h", "user": "u", "password": {"env": "P"}}},
                 "destinations": {"home": {"type": "mailbox", "user": "me"},
                                  "out": {"type": "smtp", "host": "127.0.0.1", "port": 1, "tls": "none", "to": ["x@example.com"]}},
                 "default_destination": "home", "rules": [)" +
              text + "]");
  }

  void SetUp() override {
    rules("");
    Intake intake(*store, config, config->accounts.at("work"), clock);
    storage::Uid uid = 0;
    for (const std::string subject : {"boost", "plain", "junk", "away"}) {
      retrieval::Incoming incoming;
      incoming.source = {"work", "INBOX", 7, ++uid, ""};
      incoming.internal_date = clock.now;
      intake.begin(incoming);
      intake.append("From: a@example.org\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject +
                    "@x>\r\n\r\nbody\r\n");
      intake.end();
    }
    intake.flush();
  }

  std::vector<Misplaced> misplaced(const std::string& folder = "", std::uint64_t looked_at = 4) {
    std::vector<Misplaced> found;
    EXPECT_EQ(
        find_misplaced(*store, *config, {"me", folder}, clock.now, [&](const Misplaced& one) { found.push_back(one); }),
        looked_at);
    return found;
  }

  std::string last_event(const std::string& subject) {
    const auto event = store->history().by_message_id(subject + "@x").at(0).events.back();
    return event.kind + ": " + event.text;
  }
};

const std::string kSorting = R"(
  {"name": "boost list", "if": {"all": [{"header": "Subject", "is": "boost"}, {"account": "work"}, {"folder": "INBOX"}]},
   "then": [{"flag": "\\Flagged"}, {"deliver": "home", "folder": "Lists/boost"}, {"deliver": "home", "folder": "Second"}]},
  {"name": "junk", "if": {"header": "Subject", "is": "junk"}, "then": [{"discard": true}]},
  {"name": "away", "if": {"header": "Subject", "is": "away"}, "then": [{"deliver": "out"}]})";

TEST_F(Rerouting, NothingIsMisplacedUnderTheSameRules) {
  EXPECT_THAT(misplaced(), IsEmpty());
}

TEST_F(Rerouting, FindsWhatTheRulesWouldPutElsewhere) {
  rules(kSorting);
  const auto found = misplaced();
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].subject, "boost");
  EXPECT_EQ(found[0].rule, "boost list");
  EXPECT_THAT(found[0].folders, ElementsAre("Lists/boost", "Second"));
  EXPECT_THAT(found[0].flags.names(), ElementsAre("\\Flagged"));
  EXPECT_TRUE(found[1].discarded);
  EXPECT_EQ(found[1].rule, "junk");
  EXPECT_THAT(found[2].folders, IsEmpty());
  EXPECT_THAT(found[2].others, ElementsAre("out to x@example.com"));
  EXPECT_THAT(misplaced("INBOX"), SizeIs(3));
  EXPECT_THROW(misplaced("None"), mail::Failure);
  EXPECT_THAT(store->queue().list(), IsEmpty());
}

TEST_F(Rerouting, PutsRightWhatTravelledAsJson) {
  rules(kSorting);
  const auto wanted = read_misplaced(to_json(misplaced()));
  EXPECT_EQ(put_right(*store, "me", wanted, clock.now), 2U);
  EXPECT_THAT(bodies("INBOX"), SizeIs(2));  // plain, and away, which stays
  EXPECT_THAT(bodies("Lists/boost"), SizeIs(1));
  EXPECT_THAT(bodies("Second"), SizeIs(1));
  const auto moved = store->mail().open(store->mail().find("me", "Lists/boost")->id);
  EXPECT_EQ(moved->entries.at(0).flags & mail::kFlagged, mail::kFlagged);
  EXPECT_EQ(last_event("boost"), "rerouted: from INBOX to Lists/boost, Second by boost list");
  EXPECT_EQ(last_event("junk"), "rerouted: removed from INBOX by junk");
  EXPECT_EQ(put_right(*store, "me", wanted, clock.now), 0U);  // gone from there
  EXPECT_THAT(misplaced("", 4), SizeIs(1));                   // boost twice, plain, away
}

TEST_F(Rerouting, ACopyThatIsThereAlreadyIsNotMadeTwice) {
  rules(R"({"name": "two", "if": {"header": "Subject", "is": "boost"},
            "then": [{"deliver": "home", "folder": "A"}, {"deliver": "home", "folder": "B"}]})");
  EXPECT_EQ(put_right(*store, "me", misplaced(), clock.now), 1U);
  rules(R"({"name": "one", "if": {"header": "Subject", "is": "boost"}, "then": [{"deliver": "home", "folder": "C"}]})");
  const auto found = misplaced("", 5);
  EXPECT_THAT(found, SizeIs(1));  // of two copies one is put there
  EXPECT_EQ(put_right(*store, "me", found, clock.now), 1U);
  EXPECT_THAT(bodies("C"), SizeIs(1));
  EXPECT_THAT(misplaced("", 5), IsEmpty());
  // The name of INBOX has no case.
  rules(R"({"name": "in", "if": {"header": "Subject", "is": "plain"}, "then": [{"deliver": "home", "folder": "Inbox"}]},
           {"name": "rest", "then": [{"deliver": "home", "folder": "C"}]})");
  for (const auto& one : misplaced("INBOX", 3)) EXPECT_NE(one.subject, "plain");
}

TEST_F(Rerouting, OfAllFoldersOnlyWhatTheAgentBroughtCounts) {
  rules(kSorting);
  storage::NewContent appended;
  const std::string bytes = "Subject: boost\r\n\r\nby hand\r\n";
  const auto facts = mail::scan_message(bytes);
  appended = {std::make_shared<mail::MemoryContent>(bytes), facts.content, facts.header.size(),
              mail::encode_structure(facts.structure)};
  EXPECT_EQ(store->mail().append("me", "INBOX", appended, {}, clock.now).answer, storage::MailboxAnswer::kDone);
  EXPECT_THAT(misplaced("", 4), SizeIs(3));
  EXPECT_THAT(misplaced("INBOX", 5), SizeIs(3));  // its account is not that of the rule
}

TEST_F(Rerouting, ReplayTellsWhatWouldGoOtherwise) {
  std::vector<Replayed> found;
  const auto collect = [&](const Replayed& one) { found.push_back(one); };
  EXPECT_EQ(replay(*store, *config, 100, clock.now, collect).messages, 4U);
  EXPECT_THAT(found, IsEmpty());
  rules(kSorting);
  const auto counts = replay(*store, *config, 3, clock.now, collect);
  EXPECT_EQ(counts.messages, 3U);
  EXPECT_EQ(counts.different, 2U);
  ASSERT_THAT(found, SizeIs(2));  // newest first
  EXPECT_THAT(found[0].was, ElementsAre("in me/INBOX"));
  EXPECT_THAT(found[0].would, ElementsAre("for out x@example.com"));
  EXPECT_THAT(found[1].would, ElementsAre("discarded"));
  (void)put_right(*store, "me", misplaced(), clock.now);
  EXPECT_EQ(replay(*store, *config, 100, clock.now, collect).gone, 1U);  // junk
}

}  // namespace
}  // namespace mailstead::agent
