// Rules that ask spam filters, which are played.
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

class PlayedFilters final : public SpamFilters {
 public:
  SpamAnswer judge(const std::string& filter, const Subject&) const override {
    asked.push_back(filter);
    if (failure) throw mail::Failure(*failure);
    return answer;
  }
  SpamAnswer answer{mail::SpamVerdict{false, 4.5, 5, "no action", {"BAYES_50", "URIBL_BLACK"}}, ""};
  std::optional<mail::Failure> failure;
  mutable std::vector<std::string> asked;
};

class RouterSpam : public testing::Test {
 protected:
  RouterSpam() { sample.spam_filters = &filters; }
  Explanation explain(const std::string& rules) {
    auto set = compiled(json::parse(rules));
    return sample.ask([&](const Subject& subject) { return set->explain(subject); });
  }
  bool matches(const std::string& condition) {
    return explain(R"([{"name": "r", "if": )" + condition + R"(, "then": [{"discard": true}]}])").decision.discarded;
  }
  PlayedFilters filters;
  Sample sample;
};

TEST_F(RouterSpam, TheFiltersOwnMeasureCountsWhereNoOtherIsGiven) {
  EXPECT_FALSE(matches(R"({"spam": "rspamd"})"));
  EXPECT_TRUE(matches(R"({"not": {"spam": "rspamd"}})"));
  filters.answer.verdict->spam = true;
  EXPECT_TRUE(matches(R"({"spam": "rspamd"})"));
}

TEST_F(RouterSpam, ScoreActionAndSymbolMustAllFit) {
  EXPECT_TRUE(matches(R"({"spam": "rspamd", "over": 4})"));
  EXPECT_FALSE(matches(R"({"spam": "rspamd", "over": 4.5})"));
  EXPECT_TRUE(matches(R"({"spam": "rspamd", "under": 4.51})"));
  EXPECT_TRUE(matches(R"({"spam": "rspamd", "over": -1, "under": 5})"));
  EXPECT_TRUE(matches(R"({"spam": "rspamd", "action": ["reject", "No Action"]})"));
  EXPECT_FALSE(matches(R"({"spam": "rspamd", "action": "reject"})"));
  EXPECT_TRUE(matches(R"({"spam": "rspamd", "symbol": "URIBL_*"})"));
  EXPECT_FALSE(matches(R"({"spam": "rspamd", "symbol": "BAYES_99"})"));
  EXPECT_FALSE(matches(R"({"spam": "rspamd", "symbol": "URIBL_*", "over": 10})"));
}

TEST_F(RouterSpam, IsAskedOnceForAMessageHoweverManyRulesDo) {
  explain(R"([{"if": {"spam": "rspamd"}, "then": [{"stop": true}]},
              {"if": {"spam": "rspamd", "over": 100}, "then": [{"stop": true}]},
              {"if": {"spam": "assassin", "over": 100}, "then": [{"stop": true}]}])");
  EXPECT_THAT(filters.asked, ElementsAre("rspamd", "assassin"));
  filters.asked.clear();
  filters.failure.emplace(mail::FailureKind::kTemporary, mail::FailureScope::kAccount, "it is down");
  const auto explained = explain(R"([{"name": "a", "if": {"spam": "rspamd"}, "then": [{"stop": true}]},
                                     {"name": "b", "if": {"spam": "rspamd"}, "then": [{"stop": true}]}])");
  EXPECT_THAT(filters.asked, ElementsAre("rspamd"));
  EXPECT_THAT(explained.decision.troubles, ElementsAre("rule \"a\" could not be evaluated: it is down",
                                                       "rule \"b\" could not be evaluated: it is down"));
  EXPECT_EQ(explained.rules[0].tests.at(0).saw, "it is down");
}

TEST_F(RouterSpam, OnErrorDecidesAndTheScopeOfTheTroubleIsKept) {
  filters.failure.emplace(mail::FailureKind::kTemporary, mail::FailureScope::kAccount, "it is down");
  const auto with = [&](const std::string& on_error) {
    return explain(R"([{"name": "r", "if": {"spam": "rspamd"}, "on_error": ")" + on_error +
                   R"(", "then": [{"discard": true}]}])")
        .decision;
  };
  EXPECT_FALSE(with("no match").discarded);
  EXPECT_TRUE(with("match").discarded);
  const auto waits = with("retry");
  ASSERT_TRUE(waits.postponed);
  EXPECT_EQ(waits.postponed->scope(), mail::FailureScope::kAccount);
  EXPECT_THAT(waits.postponed->text(), HasSubstr("it is down; the message waits"));
  sample.spam_filters = nullptr;
  EXPECT_THAT(with("no match").troubles, ElementsAre(HasSubstr("no spam filter can be asked here")));
}

TEST_F(RouterSpam, AMessageThatItIsNotAskedAboutIsNoSpamAndThatIsSaid) {
  filters.answer = {std::nullopt, "was not asked: 12MB is more than 10MB"};
  const auto explained = explain(
      R"([{"name": "r", "if": {"spam": "rspamd", "under": 5}, "on_error": "match", "then": [{"discard": true}]}])");
  EXPECT_FALSE(explained.decision.discarded);
  EXPECT_THAT(explained.decision.notes, ElementsAre("spam filter \"rspamd\" was not asked: 12MB is more than 10MB"));
  EXPECT_THAT(explained.decision.troubles, IsEmpty());
  EXPECT_EQ(explained.rules[0].tests.at(0).saw, "was not asked: 12MB is more than 10MB");
}

TEST_F(RouterSpam, SaysTheVerdictAndGivesItToTemplates) {
  const auto explained = explain(R"([{"name": "r", "if": {"spam": "rspamd", "over": 2.5}, "then": [
      {"add_header": {"X-Spam": "${spam.score}, ${spam.action}, ${spam.symbols}"}}, {"deliver": "home"}]}])");
  EXPECT_EQ(explained.rules[0].tests.at(0).test, "spam by \"rspamd\", score over 2.5");
  EXPECT_EQ(explained.rules[0].tests.at(0).saw, "no spam, score 4.50 of 5.00, no action: BAYES_50, URIBL_BLACK");
  ASSERT_EQ(explained.decision.edits.size(), 1U);
  EXPECT_EQ(explained.decision.edits[0].value, "4.50, no action, BAYES_50,URIBL_BLACK");
}

}  // namespace
}  // namespace mailstead::router
