// Groups of rules, and weighted scores.
#include "tests/unit/router/sample.h"

#include "mail/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::router {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RouterGroup : public testing::Test {
 protected:
  void groups(const std::string& written) {
    groups_ = json::parse(written);
    context.groups = &groups_;
  }
  Explanation explain(const std::string& rules) {
    auto set = compiled(json::parse(rules), context);
    return sample.ask([&](const Subject& subject) { return set->explain(subject); });
  }
  std::vector<std::string> folders(const std::string& rules) {
    std::vector<std::string> found;
    for (const auto& one : explain(rules).decision.deliveries) found.push_back(one.folder);
    return found;
  }
  std::vector<std::string> problems(const std::string& rules) { return problems_of(json::parse(rules), context); }

  RuleContext context = sample_context();
  Sample sample;

 private:
  json groups_;
};

TEST_F(RouterGroup, ItsRulesAreTriedAtItsPlaceAndEndTheWalkOrNot) {
  groups(
      R"({"lists": [{"name": "boost", "if": {"header": "List-Id", "contains": "boost"}, "then": [{"deliver": "home", "folder": "Boost"}]},
                       {"if": {"header": "Subject", "exists": true}, "continue": true, "then": [{"deliver": "home", "folder": "Other"}]}]})");
  const std::string rules =
      R"([{"name": "in lists", "if": {"list": true}, "group": "lists"}, {"name": "last", "then": [{"deliver": "home", "folder": "Last"}]}])";
  EXPECT_THAT(folders(rules), ElementsAre("Boost"));
  sample.text = "List-Id: <x.example>\r\nSubject: y\r\n\r\n";
  EXPECT_THAT(folders(rules), ElementsAre("Other", "Last"));
  const auto explained = explain(rules);
  ASSERT_EQ(explained.rules.size(), 4U);
  EXPECT_EQ(explained.rules[0].rule, "in lists");
  EXPECT_THAT(explained.rules[0].actions, ElementsAre("group lists"));
  EXPECT_EQ(explained.rules[1].rule, "boost");
  EXPECT_EQ(explained.rules[1].verdict, RuleTrace::Verdict::kNotMatched);
  EXPECT_EQ(explained.rules[2].rule, "rule 2 of lists");
  EXPECT_EQ(explained.rules[3].rule, "last");
  EXPECT_THAT(explained.decision.matched, ElementsAre("in lists", "rule 2 of lists", "last"));
  // What is not entered is not shown.
  sample.text = "Subject: y\r\n\r\n";
  EXPECT_THAT(folders(rules), ElementsAre("Last"));
  EXPECT_EQ(explain(rules).rules.size(), 2U);
}

TEST_F(RouterGroup, MayBeUsedTwiceAndLeadToOthers) {
  groups(R"({"mark": [{"continue": true, "then": [{"add_header": {"X-Mark": "1"}}]}],
             "outer": [{"group": "mark"}, {"name": "end", "then": [{"deliver": "home", "folder": "Outer"}]}]})");
  const auto explained =
      explain(R"([{"group": "mark"}, {"name": "again", "group": "mark"}, {"name": "out", "group": "outer"},
                                     {"name": "never", "then": [{"discard": true}]}])");
  EXPECT_EQ(explained.decision.edits.size(), 3U);
  ASSERT_EQ(explained.decision.deliveries.size(), 1U);
  EXPECT_EQ(explained.decision.deliveries[0].folder, "Outer");
  EXPECT_EQ(explained.rules.back().verdict, RuleTrace::Verdict::kNotReached);
}

TEST_F(RouterGroup, OnErrorHoldsForItsTest) {
  groups(R"({"g": [{"name": "in", "then": [{"deliver": "archive"}]}]})");
  const auto decision =
      explain(R"([{"name": "r", "if": {"command": ["x"]}, "on_error": "match", "group": "g"}])").decision;
  ASSERT_EQ(decision.deliveries.size(), 1U);
  EXPECT_EQ(decision.deliveries[0].destination, "archive");
}

TEST_F(RouterGroup, FaultsAreToldAtTheirPlace) {
  EXPECT_THAT(problems(R"([{"group": "lists"}])"),
              ElementsAre(HasSubstr("/rules/0/group: there is no group of rules \"lists\" (add \"rule_groups\"")));
  groups(R"({"lists": [{"name": "a", "iff": {}, "then": [{"stop": true}]}]})");
  EXPECT_THAT(problems("[]"), ElementsAre(HasSubstr("/rule_groups/lists/0/iff: unknown key")));
  groups(R"({"lists": [{"name": "a", "then": [{"stop": true}]}]})");
  EXPECT_THAT(problems(R"([{"group": "list"}])"), ElementsAre(HasSubstr("did you mean \"lists\"?")));
  EXPECT_THAT(problems(R"([{"group": "lists", "then": [{"stop": true}]}])"),
              ElementsAre(HasSubstr("/rules/0/then: without effect")));
  EXPECT_THAT(problems(R"([{"group": "lists", "continue": true}])"),
              ElementsAre(HasSubstr("/rules/0/continue: without effect")));
  EXPECT_THAT(problems(R"([{"name": "a", "then": [{"stop": true}]}])"),
              ElementsAre(HasSubstr("another rule is called \"a\"")));
  groups(
      R"({"a": [{"group": "b"}], "b": [{"group": "c"}], "c": [{"name": "x", "if": {"list": true}, "group": "a"}], "d": [{"group": "a"}]})");
  EXPECT_THAT(problems("[]"), ElementsAre(HasSubstr("/rule_groups/a: leads back to itself: a → b → c → a")));
  groups(R"({"a": [{"name": "x", "group": "a"}]})");
  EXPECT_THAT(problems("[]"), ElementsAre(HasSubstr("/rule_groups/a: leads back to itself: a → a")));
  groups(R"({"a": []})");
  EXPECT_THAT(problems("[]"), ElementsAre(HasSubstr("/rule_groups/a: has no rules")));
  groups(R"({"a": {}})");
  EXPECT_THAT(problems("[]"), ElementsAre(HasSubstr("/rule_groups/a: rules are a list")));
  groups("[]");
  EXPECT_THAT(problems("[]"), ElementsAre(HasSubstr("/rule_groups: are an object")));
}

TEST(RouterScore, AddsTheWeightsOfWhatHolds) {
  const auto condition = [](const std::string& at_least) {
    return R"({"score": [{"if": {"list": true}, "weight": 2}, {"if": {"header": "Subject", "contains": "gr"}, "weight": 1.5},
                         {"if": {"address": "from", "domain": "bank.example"}, "weight": -1}, {"if": {"bulk": false}, "weight": 4}], "at_least": )" +
           at_least + "}";
  };
  EXPECT_TRUE(holds(condition("2.5")));
  EXPECT_FALSE(holds(condition("2.51")));
  EXPECT_TRUE(holds(
      R"({"score": [{"if": {"list": true}, "weight": 0.1}, {"if": {"not": {"flag": "\\Seen"}}, "weight": 0.2}], "at_least": 0.3})"));
  EXPECT_TRUE(holds(R"({"not": {"score": [{"if": {"list": false}, "weight": 1}], "at_least": 1}})"));
  EXPECT_TRUE(holds(R"({"score": [{"if": {"list": true}, "weight": -1}], "at_least": -1})"));
}

TEST(RouterScore, ShowsTheSumAndEachPart) {
  Sample sample;
  auto rules = compiled(
      json::parse(R"([{"if": {"score": [{"if": {"list": true}, "weight": 2}, {"if": {"list": false}, "weight": 9},
      {"if": {"header": "Subject", "exists": true}, "weight": -0.5}], "at_least": 1.5}, "then": [{"stop": true}]}])"));
  const auto explained = sample.ask([&](const Subject& subject) { return rules->explain(subject); });
  const auto& tests = explained.rules.at(0).tests;
  ASSERT_EQ(tests.size(), 4U);
  EXPECT_EQ(tests[0].test, "score at least 1.5");
  EXPECT_EQ(tests[0].saw, "2 + -0.5 = 1.5");
  EXPECT_TRUE(tests[0].matched);
  EXPECT_TRUE(tests[1].matched);
  EXPECT_FALSE(tests[2].matched);
  EXPECT_EQ(tests[3].depth, 1);
}

TEST(RouterScore, LeavesTheCapturesOfTheRuleAlone) {
  Sample sample;
  sample.text = "Subject: order 17\r\nX-A: b 5\r\n\r\n";
  auto rules = compiled(json::parse(R"j([{"if": {"all": [{"header": "Subject", "regex": "(\\d+)"},
      {"score": [{"if": {"header": "X-A", "regex": "(\\d)"}, "weight": 1}], "at_least": 1}]},
      "then": [{"deliver": "home", "folder": "${regex:1}"}]}])j"));
  const auto decision = sample.ask([&](const Subject& subject) { return rules->decide(subject); });
  ASSERT_EQ(decision.deliveries.size(), 1U);
  EXPECT_EQ(decision.deliveries[0].folder, "17");
}

}  // namespace
}  // namespace mailstead::router
