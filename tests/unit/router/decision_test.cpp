#include "tests/unit/router/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::router {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Decision decide(const char* rules, const Sample& sample = {}, const RuleContext& context = sample_context()) {
  auto set = compiled(json::parse(rules), context);
  return sample.ask([&](const Subject& subject) { return set->decide(subject); });
}

Explanation explain(const char* rules, const Sample& sample = {}) {
  auto set = compiled(json::parse(rules));
  return sample.ask([&](const Subject& subject) { return set->explain(subject); });
}

// "destination/folder>to" of each.
std::vector<std::string> ways(const Decision& decision) {
  std::vector<std::string> out;
  for (const PlannedDelivery& one : decision.deliveries) {
    std::string text = one.destination + '/' + one.folder;
    for (const std::string& to : one.to) text += '>' + to;
    out.push_back(text);
  }
  return out;
}

TEST(RouterDecision, TakesTheDefaultWithoutRules) {
  Decision decision = decide("[]");
  EXPECT_THAT(ways(decision), ElementsAre("home/"));
  EXPECT_EQ(decision.deliveries[0].rule, "default");
  EXPECT_THAT(ways(decide("null")), ElementsAre("home/"));
}

TEST(RouterDecision, BringsABounceToTheSenderThatWasRewritten) {
  const char* rules = R"([{"name": "bounces", "if": {"srs": "relay"}, "then": [{"redirect": "${srs}"}]}])";
  Sample sample;
  EXPECT_THAT(ways(decide(rules, sample)), ElementsAre("home/"));
  sample.envelope_to = {"SRS0=bad=@us.example", "SRS0=good=@us.example"};
  EXPECT_THAT(ways(decide(rules, sample)), ElementsAre("/>first@first.example"));
  sample.envelope_to.clear();
  sample.text = "To: SRS0=good=@us.example\r\n\r\n";
  EXPECT_THAT(ways(decide(rules, sample)), ElementsAre("/>first@first.example"));
  EXPECT_THAT(problems_of(json::parse(R"([{"if": {"srs": "home"}, "then": [{"redirect": "${srs}"}]}])")),
              testing::Contains(testing::HasSubstr("rewrites no senders")));
  EXPECT_THAT(problems_of(json::parse(R"([{"if": {"not": {"srs": "relay"}}, "then": [{"redirect": "${srs}"}]}])")),
              ElementsAre(testing::HasSubstr("inside \"not\" does not count")));
}

TEST(RouterDecision, EndsAtTheFirstMatchWithoutContinue) {
  Decision decision = decide(R"([
    {"name": "miss", "if": {"list": false}, "then": [{"discard": true}]},
    {"name": "a", "if": {"list": true}, "then": [{"deliver": "archive", "folder": "A"}]},
    {"name": "b", "if": {"bulk": true}, "then": [{"deliver": "home"}]}])");
  EXPECT_THAT(ways(decision), ElementsAre("archive/A"));
  EXPECT_THAT(decision.matched, ElementsAre("a"));
}

TEST(RouterDecision, GoesOnAfterContinue) {
  Decision decision = decide(R"([
    {"name": "a", "if": {"list": true}, "continue": true, "then": [{"deliver": "archive"}]},
    {"name": "b", "if": {"list": true}, "then": [{"deliver": "home", "folder": "B"}]}])");
  EXPECT_THAT(ways(decision), ElementsAre("archive/", "home/B"));
}

TEST(RouterDecision, AddsTheDefaultWhenNothingWasDeliveredForGood) {
  EXPECT_THAT(ways(decide(R"([{"if": {"list": true}, "then": [{"flag": "\\Flagged"}]}])")), ElementsAre("home/"));
  EXPECT_THAT(ways(decide(R"([{"if": {"list": true}, "then": [{"deliver": "relay", "copy": true}]}])")),
              ElementsAre("relay/", "home/"));
  EXPECT_THAT(ways(decide(R"([{"if": {"list": true}, "then": [{"stop": true}]},
                              {"if": {"bulk": true}, "then": [{"discard": true}]}])")),
              ElementsAre("home/"));
}

TEST(RouterDecision, AQuarantineHoldsTheMessageAndEndsTheWalk) {
  auto explained = explain(R"([
    {"name": "q", "if": {"list": true}, "then": [{"add_header": {"X-Q": "1"}}, {"quarantine": "bad: ${header:Subject}"}]},
    {"name": "later", "then": [{"deliver": "archive"}]}])");
  EXPECT_THAT(ways(explained.decision), ElementsAre("home/"));
  EXPECT_EQ(explained.decision.deliveries[0].quarantine,
            "bad: Gr\xC3\xBC\xC3\x9F"
            "e aus K\xC3\xB6ln");
  EXPECT_EQ(explained.decision.deliveries[0].form.edits, 1U);
  EXPECT_EQ(explained.rules[1].verdict, RuleTrace::Verdict::kNotReached);
  EXPECT_FALSE(explained.used_default);

  Decision decision = decide(R"([{"then": [{"quarantine": "x", "for": "relay"}]}])");
  EXPECT_THAT(ways(decision), ElementsAre("relay/"));
  EXPECT_EQ(decision.deliveries[0].quarantine, "x");
  // What an earlier rule has delivered is delivered.
  decision = decide(R"([{"continue": true, "if": {"list": true}, "then": [{"deliver": "home"}]},
                        {"then": [{"quarantine": "x"}]}])");
  EXPECT_THAT(ways(decision), ElementsAre("home/"));
  EXPECT_EQ(decision.deliveries[0].quarantine, "");
  EXPECT_THAT(decision.notes, ElementsAre(HasSubstr("nothing is held")));
}

TEST(RouterDecision, LetsARuleOfCopiesGoOn) {
  Decision decision = decide(R"([
    {"name": "copy", "then": [{"deliver": "relay", "copy": true}]},
    {"name": "keep", "if": {"list": true}, "then": [{"deliver": "archive"}]}])");
  EXPECT_THAT(ways(decision), ElementsAre("relay/", "archive/"));
  EXPECT_THAT(decision.matched, ElementsAre("copy", "keep"));
}

TEST(RouterDecision, DiscardsOnlyWhatHasNoOtherWay) {
  Decision gone = decide(R"([{"name": "junk", "if": {"bulk": true}, "then": [{"discard": true}]}])");
  EXPECT_TRUE(gone.discarded);
  EXPECT_EQ(gone.discarded_by, "junk");
  EXPECT_THAT(gone.deliveries, IsEmpty());

  Decision copied = decide(R"([{"name": "junk", "then": [{"deliver": "relay", "copy": true}, {"discard": true}]}])");
  EXPECT_FALSE(copied.discarded);
  EXPECT_THAT(ways(copied), ElementsAre("relay/"));
  EXPECT_THAT(copied.notes, ElementsAre(HasSubstr("but for its copies")));
}

TEST(RouterDecision, DeliversOnceToOnePlace) {
  EXPECT_THAT(ways(decide(R"([
    {"name": "a", "if": {"list": true}, "continue": true, "then": [{"deliver": "home"}]},
    {"name": "b", "if": {"list": true}, "then": [{"deliver": "home"}, {"deliver": "home", "folder": "X"}]}])")),
              ElementsAre("home/", "home/X"));
}

TEST(RouterDecision, GivesADeliveryTheFlagsAndEditsBeforeIt) {
  Sample sample;
  ASSERT_TRUE(sample.flags.add("\\Seen"));
  ASSERT_TRUE(sample.flags.add("\\Deleted"));
  Decision decision = decide(R"([{"then": [
    {"add_header": {"X-One": "1"}}, {"flag": "\\Flagged"}, {"deliver": "archive"},
    {"unflag": ["\\Seen", "\\Flagged"]}, {"keyword": "Work"}, {"set_header": {"X-Two": "2"}},
    {"remove_header": ["X-Three"]}, {"deliver": "home"}]}])",
                             sample);
  ASSERT_EQ(decision.deliveries.size(), 2U);
  EXPECT_THAT(decision.deliveries[0].flags.names(), ElementsAre("\\Flagged", "\\Seen"));
  EXPECT_EQ(decision.deliveries[0].form.edits, 1U);
  EXPECT_THAT(decision.deliveries[1].flags.names(), ElementsAre("Work"));
  EXPECT_EQ(decision.deliveries[1].form.edits, 3U);
  using Kind = mail::HeaderEdit::Kind;
  EXPECT_THAT(decision.edits,
              ElementsAre(mail::HeaderEdit{Kind::kAdd, "X-One", "1"}, mail::HeaderEdit{Kind::kSet, "X-Two", "2"},
                          mail::HeaderEdit{Kind::kRemove, "X-Three", ""}));
}

TEST(RouterDecision, RedirectsToAddresses) {
  Decision decision = decide(R"([{"then": [{"redirect": ["x@y.example", "${from.local}@z.example"]}]}])");
  EXPECT_THAT(ways(decision), ElementsAre("/>x@y.example>Juergen.Mueller@z.example"));
}

TEST(RouterDecision, KeepsAMessageWhoseRedirectHasNoAddress) {
  Decision decision = decide(R"([{"name": "r", "then": [{"redirect": "${header:X-None}"}]}])");
  EXPECT_THAT(ways(decision), ElementsAre("home/"));
  EXPECT_THAT(decision.notes, ElementsAre(HasSubstr("gave no address")));
}

TEST(RouterDecision, SaysSoWithoutDefault) {
  RuleContext context = sample_context();
  context.default_destination.clear();
  Decision decision = decide("[]", {}, context);
  EXPECT_THAT(decision.deliveries, IsEmpty());
  EXPECT_FALSE(decision.discarded);
  EXPECT_THAT(decision.notes, ElementsAre(HasSubstr("no default destination")));
}

TEST(RouterDecision, NeedsTheBodyOnlyForTestsOfIt) {
  EXPECT_FALSE(
      compiled(json::parse(R"([{"if": {"header": "A", "is": "b"}, "then": [{"stop": true}]}])"))->needs_body());
  EXPECT_TRUE(compiled(json::parse(R"([{"if": {"not": {"body": {"contains": "b"}}}, "then": [{"stop": true}]}])"))
                  ->needs_body());
}

TEST(RouterExplanation, TellsVerdictAndTheValueSeen) {
  Explanation why = explain(R"([
    {"name": "miss", "if": {"all": [{"list": true}, {"header": "Subject", "is": "x"}, {"bulk": true}]},
     "then": [{"discard": true}]},
    {"name": "hit", "if": {"not": {"address": "from", "domain": "other.example"}},
     "then": [{"flag": "\\Flagged"}, {"deliver": "home", "folder": "Lists/boost"}]},
    {"name": "never", "if": {"list": true}, "then": [{"discard": true}]}])");
  ASSERT_EQ(why.rules.size(), 3U);
  EXPECT_EQ(why.rules[0].verdict, RuleTrace::Verdict::kNotMatched);
  ASSERT_EQ(why.rules[0].tests.size(), 3U);  // the third of "all" was not needed
  EXPECT_EQ(why.rules[0].tests[0].test, "all of");
  EXPECT_FALSE(why.rules[0].tests[0].matched);
  EXPECT_EQ(why.rules[0].tests[1].depth, 1);
  EXPECT_TRUE(why.rules[0].tests[1].matched);
  EXPECT_EQ(why.rules[0].tests[2].test, "header Subject is \"x\"");
  EXPECT_EQ(why.rules[0].tests[2].saw, "Grüße aus Köln");
  EXPECT_EQ(why.rules[1].verdict, RuleTrace::Verdict::kMatched);
  EXPECT_EQ(why.rules[1].tests[1].saw, "Juergen.Mueller@Bank.Example");
  EXPECT_THAT(why.rules[1].actions, ElementsAre("flag \"\\Flagged\"", "deliver to home, folder \"Lists/boost\""));
  EXPECT_EQ(why.rules[2].verdict, RuleTrace::Verdict::kNotReached);
  EXPECT_FALSE(why.used_default);
}

TEST(RouterExplanation, ShowsForeignTextPrintable) {
  Sample sample;
  sample.text = "Subject: \x1b[31mred\r\n\r\n";
  Explanation why = explain(R"([{"if": {"header": "Subject", "contains": "red"}, "then": [{"stop": true}]}])", sample);
  EXPECT_EQ(why.rules.at(0).tests.at(0).saw.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace mailstead::router
