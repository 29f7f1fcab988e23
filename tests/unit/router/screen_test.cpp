// Many rules at one place are ruled out in one search: never one that matches. explain() tries them all.
#include <random>

#include "tests/unit/router/sample.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::router {
namespace {

using nlohmann::json;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_); }
  const std::string& of(const std::vector<std::string>& choices) { return choices[below(choices.size())]; }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kWords = {"a",  "ab", "B",   "ba.", "Ä",   "äß", "σς",  "ΣΣ", "ſ",
                                         "Ka", "K",  "[x]", "*",   "\\d", "q?", "x+y", "😀",  "."};
const std::vector<std::string> kFields = {"Subject", "List-Id", "X-Note"};
const std::vector<std::string> kOperators = {"is", "contains", "starts_with", "ends_with", "glob", "regex"};
const std::vector<std::string> kParts = {"domain", "local", "is", "contains"};

std::string phrase(Dice& dice) {
  std::string text = dice.of(kWords);
  for (std::size_t more = dice.below(3); more > 0; --more) text += dice.of(kWords);
  return text;
}

json pattern(Dice& dice, const std::string& op) {
  const auto one = [&] { return op == "regex" ? std::string("[ab]+x?") : dice.below(30) == 0 ? "" : phrase(dice); };
  if (dice.below(4) != 0) return one();
  return json::array({one(), one()});
}

json condition(Dice& dice, int depth = 0) {
  switch (dice.below(depth < 2 ? 7 : 4)) {
    case 0: {
      const std::string& part = dice.of(kParts);
      return {{"address", dice.below(2) == 0 ? "from" : "any-recipient"}, {part, pattern(dice, part)}};
    }
    case 4: return {{"all", json::array({condition(dice, depth + 1), condition(dice, depth + 1)})}};
    case 5: return {{"any", json::array({condition(dice, depth + 1), condition(dice, depth + 1)})}};
    case 6: return {{"not", condition(dice, depth + 1)}};
    default: {
      const std::string& op = dice.of(kOperators);
      json made = {{"header", dice.of(kFields)}, {op, pattern(dice, op)}};
      if (dice.below(3) == 0) made["case"] = true;
      return made;
    }
  }
}

std::string message(Dice& dice) {
  std::string text =
      fmt::format("From: {}@{}.example\r\n", dice.below(2) == 0 ? "Ab" : "ka", dice.below(2) == 0 ? "b" : "AB");
  for (const std::string& field : kFields) {
    for (std::size_t count = dice.below(3); count > 0; --count) text += fmt::format("{}: {}\r\n", field, phrase(dice));
  }
  return text + "To: x@ab.example, K@b.example\r\n\r\nbody\r\n";
}

TEST(Screen, DecidesAsTryingEveryRuleDoes) {
  std::size_t matched = 0, tried = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Dice dice(seed);
    json rules = json::array();
    for (int i = 0; i < 120; ++i) {
      json rule = {{"name", fmt::format("rule {}", i)}, {"if", condition(dice)}, {"continue", true}};
      rule["then"] = json::array({{{"keyword", fmt::format("$r{}", i)}}});
      rules.push_back(std::move(rule));
    }
    std::vector<Problem> problems;
    auto set = RuleSet::compile(rules, sample_context(), problems);
    // Texts that no operator takes are left out; what remains is tried.
    for (auto problem = problems.rbegin(); problem != problems.rend(); ++problem) {
      const auto index = static_cast<std::size_t>(std::stoul(problem->pointer.substr(7)));
      if (index < rules.size())
        rules[index]["if"] = {{"header", "Subject"}, {"contains", fmt::format("none {}", index)}};
    }
    set = compiled(rules);
    for (int i = 0; i < 40; ++i) {
      Sample sample;
      sample.text = message(dice);
      const Decision decided = sample.ask([&](const Subject& subject) { return set->decide(subject); });
      const Explanation explained = sample.ask([&](const Subject& subject) { return set->explain(subject); });
      ASSERT_EQ(decided.matched, explained.decision.matched) << "seed " << seed << "\n" << sample.text;
      ASSERT_EQ(decided.notes, explained.decision.notes) << seed;
      matched += decided.matched.size();
      tried += rules.size();
    }
  }
  EXPECT_GT(matched, tried / 50);
  EXPECT_LT(matched, tried / 2);
}

// The walk ends at the first that matches, whatever a later one would say.
TEST(Screen, KeepsTheOrderOfTheRules) {
  json rules = json::array();
  for (int i = 0; i < 30; ++i)
    rules.push_back({{"name", fmt::format("rule {}", i)},
                     {"if", {{"header", "Subject"}, {"contains", fmt::format("word{}.", i)}}},
                     {"then", {{{"deliver", "archive"}}}}});
  auto set = compiled(rules);
  Sample sample;
  sample.text = "Subject: word29. and WORD7. and word12.\r\n\r\n";
  const Decision decided = sample.ask([&](const Subject& subject) { return set->decide(subject); });
  EXPECT_THAT(decided.matched, testing::ElementsAre("rule 7"));
}

// Texts far beyond what a table of states holds: every rule is tried then.
TEST(Screen, CopesWithVeryManyTexts) {
  json rules = json::array();
  Dice dice(7);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (int k = 0; k < 60; ++k) text += static_cast<char>('a' + dice.below(26));
    rules.push_back({{"name", fmt::format("rule {}", i)},
                     {"if", {{"header", "Subject"}, {"contains", json::array({text, fmt::format("needle{}.", i)})}}},
                     {"continue", true},
                     {"then", {{{"keyword", "$x"}}}}});
  }
  auto set = compiled(rules);
  Sample sample;
  sample.text = "Subject: hay needle2987. hay needle11. hay\r\n\r\n";
  const Decision decided = sample.ask([&](const Subject& subject) { return set->decide(subject); });
  EXPECT_THAT(decided.matched, testing::ElementsAre("rule 11", "rule 2987"));
}

}  // namespace
}  // namespace mailstead::router
