// Rules that run programs: the test "command", the actions "filter" and "run". The programs themselves are played.
#include "tests/unit/router/sample.h"

#include "mail/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace mailstead::router {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Knows programs by their first word.
class PlayedPrograms final : public Programs {
 public:
  struct Played {
    ProgramEnd end;
    std::function<std::string(const std::string&)> output;
  };

  ProgramEnd ask(const mail::ProgramSettings& program, const Subject& subject, std::string& output) const override {
    return play(program, text_of(subject.content), output);
  }
  ProgramEnd filter(const mail::ProgramSettings& program, const Subject&, const std::string&,
                    std::shared_ptr<const mail::Content> message,
                    std::shared_ptr<const mail::Content>& made) const override {
    std::string output;
    ProgramEnd end = play(program, text_of(*message), output);
    if (end.exited && end.status == 0) made = std::make_shared<mail::MemoryContent>(std::move(output));
    return end;
  }

  std::map<std::string, Played> known;
  mutable std::vector<std::string> ran;

 private:
  static std::string text_of(const mail::Content& content) { return mail::read_range(content, 0, content.size()); }
  ProgramEnd play(const mail::ProgramSettings& program, const std::string& input, std::string& output) const {
    ran.push_back(program.command.front());
    const Played& played = known.at(program.command.front());
    output = played.output ? played.output(input) : "";
    return played.end;
  }
};

class RouterProgram : public testing::Test {
 protected:
  RouterProgram() {
    for (int status : {0, 1, 2}) {
      programs.known["exits" + std::to_string(status)] = {{true, status, "ended with status " + std::to_string(status)},
                                                          [](const auto&) { return "spam 7.5\n\r\n"; }};
    }
    programs.known["hangs"] = {{false, 0, "took longer than 30s"}, {}};
    programs.known["marks"] = {{true, 0, ""}, [](const auto& text) { return "X-Marked: yes\r\n" + text; }};
    programs.known["empty"] = {{true, 0, ""}, {}};
    programs.known["chatty"] = {{true, 0, ""}, [](const auto&) { return "all went well\n"; }};
    programs.known["broken"] = {{true, 3, "ended with status 3: no rules"}, [](const auto& text) { return text; }};
    sample.programs = &programs;
  }
  Explanation explain(const std::string& rules) {
    auto set = compiled(json::parse(rules));
    return sample.ask([&](const Subject& subject) { return set->explain(subject); });
  }
  bool matches(const std::string& condition) {
    const auto explained = explain(R"([{"name": "r", "if": )" + condition + R"(, "then": [{"discard": true}]}])");
    troubles = explained.decision.troubles;
    return explained.decision.discarded;
  }
  static std::string text_of(const Filtered& one) { return mail::read_range(*one.content, 0, one.content->size()); }

  PlayedPrograms programs;
  Sample sample;
  std::vector<std::string> troubles;
};

TEST_F(RouterProgram, TestsTheExitStatus) {
  EXPECT_TRUE(matches(R"({"command": ["exits0", "-c"]})"));
  EXPECT_FALSE(matches(R"({"command": ["exits1"]})"));
  EXPECT_TRUE(matches(R"({"command": ["exits1"], "exit": 1})"));
  EXPECT_FALSE(matches(R"({"command": ["exits0"], "exit": 1})"));
  EXPECT_TRUE(matches(R"({"command": ["exits2"], "exit": [1, 2]})"));
  EXPECT_TRUE(matches(R"({"not": {"command": ["exits1"]}})"));
  EXPECT_TRUE(matches(R"({"command": "exits0", "shell": true, "timeout": "5s", "user": "nobody"})"));
}

TEST_F(RouterProgram, TestsTheOutputWithoutItsLastLineEnd) {
  EXPECT_TRUE(matches(R"({"command": ["exits0"], "output": {"is": "SPAM 7.5"}})"));
  EXPECT_FALSE(matches(R"({"command": ["exits0"], "output": {"contains": "ham"}})"));
  EXPECT_FALSE(matches(R"({"command": ["exits1"], "output": {"contains": "spam"}})"));
  EXPECT_TRUE(matches(R"({"command": ["exits1"], "exit": 1, "output": {"contains": "spam"}})"));
  const auto explained = explain(R"j([{"if": {"command": ["exits0"], "output": {"regex": "(\\w+) ([0-9.]+)"}},
                                      "then": [{"deliver": "home", "folder": "${regex:1}"}]}])j");
  ASSERT_EQ(explained.decision.deliveries.size(), 1U);
  EXPECT_EQ(explained.decision.deliveries[0].folder, "spam");
}

TEST_F(RouterProgram, AProgramThatGivesNoAnswerMakesItsRuleNotMatch) {
  for (const char* condition : {R"({"command": ["hangs"]})", R"({"not": {"command": ["hangs"]}})",
                                R"({"any": [{"command": ["hangs"]}, {"list": true}]})"}) {
    EXPECT_FALSE(matches(condition)) << condition;
    EXPECT_THAT(troubles, ElementsAre("rule \"r\" could not be evaluated: \"hangs\" took longer than 30s"));
  }
  sample.programs = nullptr;
  EXPECT_FALSE(matches(R"({"command": ["exits0"]})"));
  EXPECT_THAT(troubles, ElementsAre(HasSubstr("no program can be run here")));
}

TEST_F(RouterProgram, AsksAProgramOnceForAMessage) {
  explain(R"([{"if": {"command": ["exits2"]}, "then": [{"stop": true}]},
              {"if": {"command": ["exits2"], "exit": 1}, "then": [{"stop": true}]},
              {"if": {"command": ["exits2", "-x"], "exit": 2}, "then": [{"stop": true}]}])");
  EXPECT_THAT(programs.ran, ElementsAre("exits2", "exits2"));
  programs.ran.clear();
  explain(R"([{"if": {"all": [{"list": false}, {"command": ["exits0"]}]}, "then": [{"stop": true}]}])");
  EXPECT_THAT(programs.ran, IsEmpty());
}

TEST_F(RouterProgram, SaysWhatAProgramAnswered) {
  const auto explained =
      explain(R"([{"if": {"command": ["exits1", "a b"], "exit": [0, 2]}, "then": [{"stop": true}]}])");
  ASSERT_EQ(explained.rules[0].tests.size(), 1U);
  EXPECT_EQ(explained.rules[0].tests[0].test, "command \"exits1 'a b'\" ends with 0, 2");
  EXPECT_EQ(explained.rules[0].tests[0].saw, "ended with status 1");
}

TEST_F(RouterProgram, FiltersForWhatComesAfterAndBehindTheEditsBefore) {
  const auto explained = explain(R"([{"name": "r", "then": [
      {"deliver": "archive"}, {"add_header": {"X-One": "1"}}, {"filter": ["marks"]}, {"deliver": "home"},
      {"add_header": {"X-Two": "2"}}, {"filter": ["marks"]}, {"deliver": "home", "folder": "Twice"}]}])");
  const Decision& decision = explained.decision;
  ASSERT_EQ(decision.filtered.size(), 2U);
  ASSERT_EQ(decision.deliveries.size(), 3U);
  EXPECT_EQ(decision.deliveries[0].form, (Form{0, 0}));
  EXPECT_EQ(decision.deliveries[1].form, (Form{1, 1}));
  EXPECT_EQ(decision.deliveries[2].form, (Form{2, 2}));
  EXPECT_EQ(decision.filtered[0].edits, 1U);
  EXPECT_EQ(text_of(decision.filtered[0]), "X-Marked: yes\r\nX-One: 1\r\n" + sample.text);
  EXPECT_EQ(text_of(decision.filtered[1]), "X-Marked: yes\r\nX-Two: 2\r\nX-Marked: yes\r\nX-One: 1\r\n" + sample.text);
  EXPECT_EQ(decision.filtered[0].facts.size, decision.filtered[0].content->size());
  EXPECT_THAT(decision.troubles, IsEmpty());
  EXPECT_THAT(explained.rules[0].actions[2], testing::StartsWith("filter \"marks\": "));
  EXPECT_THAT(decision.notes[0], testing::StartsWith("rule \"r\": filter \"marks\": "));
}

TEST_F(RouterProgram, KeepsTheMessageWhenAFilterFails) {
  struct Row {
    const char *program, *why;
  };
  const Row rows[] = {{"broken", "ended with status 3: no rules"},
                      {"hangs", "took longer than 30s"},
                      {"empty", "wrote nothing"},
                      {"chatty", "wrote no message, for it has no header"}};
  for (const Row& row : rows) {
    const auto explained = explain(R"([{"name": "r", "then": [{"filter": [")" + std::string(row.program) +
                                   R"("]}, {"deliver": "home"}]}])");
    const Decision& decision = explained.decision;
    EXPECT_THAT(decision.filtered, IsEmpty()) << row.program;
    ASSERT_EQ(decision.deliveries.size(), 1U);
    EXPECT_EQ(decision.deliveries[0].form, Form{});
    const std::string told = "filter \"" + std::string(row.program) + "\" " + row.why + ": the message stays as it was";
    EXPECT_THAT(decision.troubles, ElementsAre("rule \"r\": " + told));
    EXPECT_EQ(decision.notes, decision.troubles);
    EXPECT_EQ(explained.rules[0].actions[0], told);
  }
}

TEST_F(RouterProgram, PlansWhatIsToBeRunAndRunsNothing) {
  const auto explained = explain(R"([{"name": "r", "continue": true, "then": [
      {"run": ["notify", "me"]}, {"set_header": {"X-One": "1"}}, {"run": "a | b", "shell": true}]}])");
  const Decision& decision = explained.decision;
  EXPECT_THAT(programs.ran, IsEmpty());
  ASSERT_EQ(decision.runs.size(), 2U);
  EXPECT_THAT(decision.runs[0].program.command, ElementsAre("notify", "me"));
  EXPECT_EQ(decision.runs[0].form, Form{});
  EXPECT_EQ(decision.runs[1].form, (Form{1, 0}));
  EXPECT_TRUE(decision.runs[1].program.shell);
  EXPECT_EQ(decision.runs[1].rule, "r");
  // It decides nothing: the message goes where it went anyway.
  EXPECT_TRUE(explained.used_default);
  EXPECT_EQ(explained.rules[0].actions[0], "run \"notify me\" once the message is accepted");
}

TEST_F(RouterProgram, OnErrorSaysWhatARuleDoesWithoutAnAnswer) {
  const auto with = [&](const std::string& on_error) {
    return explain(R"([{"name": "r", "if": {"any": [{"command": ["hangs"]}]}, "on_error": ")" + on_error +
                   R"(", "then": [{"deliver": "archive"}]}, {"name": "s", "then": [{"deliver": "home"}]}])");
  };
  auto explained = with("no match");
  EXPECT_EQ(explained.rules[0].verdict, RuleTrace::Verdict::kNotMatched);
  EXPECT_EQ(explained.decision.deliveries.at(0).destination, "home");
  ASSERT_EQ(explained.rules[0].tests.size(), 2U);
  EXPECT_EQ(explained.rules[0].tests[1].saw, "\"hangs\" took longer than 30s");

  explained = with("match");
  EXPECT_EQ(explained.rules[0].verdict, RuleTrace::Verdict::kMatched);
  EXPECT_EQ(explained.decision.deliveries.at(0).destination, "archive");
  EXPECT_THAT(explained.decision.troubles,
              ElementsAre("rule \"r\" could not be evaluated and counts as matching: \"hangs\" took longer than 30s"));

  explained = with("retry");
  ASSERT_TRUE(explained.decision.postponed);
  EXPECT_EQ(explained.decision.postponed->text(),
            "rule \"r\": \"hangs\" took longer than 30s; the message waits on its server");
  EXPECT_EQ(explained.decision.postponed->scope(), mail::FailureScope::kMessage);
  EXPECT_THAT(explained.decision.troubles, ElementsAre(explained.decision.postponed->text()));
  EXPECT_THAT(explained.decision.deliveries, IsEmpty());
  EXPECT_EQ(explained.rules[1].verdict, RuleTrace::Verdict::kNotReached);
}

TEST_F(RouterProgram, AFilterThatFailsLetsTheMessageWaitWhereItsRuleSaysSo) {
  const auto explained = explain(R"([{"name": "r", "on_error": "retry", "then": [
      {"deliver": "archive"}, {"filter": ["broken"]}, {"filter": ["marks"]}, {"deliver": "home"}]}])");
  ASSERT_TRUE(explained.decision.postponed);
  EXPECT_THAT(explained.decision.postponed->text(), HasSubstr("filter \"broken\" ended with status 3: no rules"));
  EXPECT_THAT(programs.ran, ElementsAre("broken"));
  EXPECT_EQ(explained.rules[0].actions.back(), "filter \"broken\" ended with status 3: no rules: the message waits");
  // One that works is no reason to wait.
  EXPECT_FALSE(
      explain(R"([{"on_error": "retry", "then": [{"filter": ["marks"]}, {"deliver": "home"}]}])").decision.postponed);
}

TEST_F(RouterProgram, AStopRequestIsNoAnswer) {
  class Stopped final : public Programs {
    ProgramEnd ask(const mail::ProgramSettings&, const Subject&, std::string&) const override { throw stop(); }
    ProgramEnd filter(const mail::ProgramSettings&, const Subject&, const std::string&,
                      std::shared_ptr<const mail::Content>, std::shared_ptr<const mail::Content>&) const override {
      throw stop();
    }
    static mail::Failure stop() { return {mail::FailureKind::kCancelled, mail::FailureScope::kSession, "stopped"}; }
  } stopped;
  sample.programs = &stopped;
  EXPECT_THROW(explain(R"([{"if": {"command": ["x"]}, "then": [{"stop": true}]}])"), mail::Failure);
  EXPECT_THROW(explain(R"([{"then": [{"filter": ["x"]}]}])"), mail::Failure);
}

}  // namespace
}  // namespace mailstead::router
