// Files of rules: put together, faults at their own file and line, circles refused.
#include "agent/config/config.h"
#include "mail/content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

#include <stdlib.h>

namespace mailstead::agent {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

class RuleFilesTest : public testing::Test {
 protected:
  RuleFilesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mailstead-rules-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory = std::filesystem::canonical(pattern).string();
    std::filesystem::create_directory(directory + "/sub");
  }
  ~RuleFilesTest() override { std::filesystem::remove_all(directory); }

  void write(const std::string& name, const std::string& text) { std::ofstream(directory + "/" + name) << text; }
  // The rules of the main file begin at its second line.
  std::vector<std::string> load(const std::string& rules, const std::string& more = "") {
    write("main.json",
          "{ \"users\": {\"a\": {}}, \"destinations\": {\"home\": {\"type\": \"mailbox\", \"user\": \"a\"}}, "
          "\"rules\":\n" +
              rules + more + "}");
    std::vector<ConfigProblem> problems;
    config = load_config(directory + "/main.json", problems);
    std::vector<std::string> told;
    for (const auto& problem : problems) told.push_back(text_of(problem).substr(directory.size() + 1));
    return told;
  }

  std::string directory;
  std::shared_ptr<const Config> config;
};

TEST_F(RuleFilesTest, TheRulesOfAFileStandInItsPlace) {
  write("first.json",
        "// friends\n[ {\"name\": \"b\", \"if\": {\"list\": true}, \"then\": [{\"stop\": true}]},\n {\"include\": "
        "\"sub/second.json\"} ]");
  write("sub/second.json", "[ {\"include\": \"third.json\", \"comment\": \"beside this one\"} ]");
  write("sub/third.json", "[ {\"name\": \"c\", \"if\": {\"bulk\": true}, \"then\": [{\"stop\": true}]} ]");
  EXPECT_THAT(load(R"([{"name": "a", "if": {"flag": "\\Seen"}, "then": [{"stop": true}]}, {"include": "first.json"},
                       {"name": "d", "then": [{"stop": true}]}])"),
              IsEmpty());
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->rules->size(), 4U);
}

TEST_F(RuleFilesTest, AFaultIsToldWithItsOwnFileAndLine) {
  write("one.json", "[\n\n {\"name\": \"b\", \"if\": {\"bulk\": true}, \"iff\": {}, \"then\": [{\"stop\": true}]} ]");
  write("sub/two.json", "[ {\"include\": \"../one.json\"},\n {\"then\": [{\"deliver\": \"hom\"}]} ]");
  const auto problems = load(
      "[ {\"name\": \"x\", \"thn\": 1, \"if\": {\"list\": true}, \"then\": [{\"stop\": true}]},\n {\"include\": "
      "\"sub/two.json\"},\n {\"nam\": 1, \"then\": [{\"stop\": true}]}]");
  ASSERT_EQ(problems.size(), 4U) << testing::PrintToString(problems);
  EXPECT_THAT(problems[0], HasSubstr("main.json:2: /rules/0/thn: unknown key"));
  EXPECT_THAT(problems[1], HasSubstr("main.json:4: /rules/2/nam: unknown key"));
  EXPECT_THAT(problems[2], HasSubstr("sub/two.json:2: /1/then/0/deliver: there is no destination \"hom\""));
  EXPECT_THAT(problems[3], HasSubstr("one.json:3: /0/iff: unknown key"));
}

TEST_F(RuleFilesTest, CirclesAreRefusedWithTheirChain) {
  write("a.json", "[ {\"include\": \"sub/b.json\"} ]");
  write("sub/b.json", "[\n {\"include\": \"../a.json\"} ]");
  const auto problems = load("[ {\"include\": \"a.json\"} ]");
  ASSERT_EQ(problems.size(), 1U) << testing::PrintToString(problems);
  EXPECT_THAT(problems[0], HasSubstr("sub/b.json:2: /0/include: includes itself: " + directory + "/a.json includes " +
                                     directory + "/sub/b.json includes " + directory + "/a.json"));
}

TEST_F(RuleFilesTest, WhatIsNoFileOfRulesIsRefused) {
  EXPECT_THAT(load("[ {\"include\": \"none.json\"} ]"),
              ElementsAre(HasSubstr("main.json:2: /rules/0/include: there is no file")));
  write("object.json", "{\"rules\": []}");
  EXPECT_THAT(load("[ {\"include\": \"object.json\"} ]"),
              ElementsAre(HasSubstr("object.json:1: a file of rules is a list")));
  write("broken.json", "[ {\n \"name\" }");
  EXPECT_THAT(load("[ {\"include\": \"broken.json\"}, {\"include\": \"broken.json\"} ]"),
              ElementsAre(HasSubstr("broken.json:2:")));
  write("empty.json", "[]");
  EXPECT_THAT(load("[ {\"include\": \"empty.json\", \"then\": []} ]"),
              ElementsAre(HasSubstr("/rules/0/then: without effect beside")));
}

TEST_F(RuleFilesTest, GroupsMayBeOfFilesAndAFileMayServeTwice) {
  write("group.json",
        "[ {\"if\": {\"list\": true}, \"continue\": true, \"then\": [{\"flag\": \"\\\\Seen\"}]},\n {\"iff\": 1, "
        "\"then\": [{\"stop\": true}]} ]");
  const auto problems = load("[ {\"group\": \"g\"} ]", ", \"rule_groups\": {\"g\": [ {\"include\": \"group.json\"} ]}");
  EXPECT_THAT(problems, ElementsAre(HasSubstr("group.json:2: /1/iff")));
  write("group.json", "[ {\"if\": {\"list\": true}, \"continue\": true, \"then\": [{\"flag\": \"\\\\Seen\"}]} ]");
  EXPECT_THAT(load("[ {\"group\": \"g\"}, {\"include\": \"group.json\"} ]",
                   ", \"rule_groups\": {\"g\": [ {\"include\": \"group.json\"} ]}"),
              IsEmpty());
}

// Each file twice in the one before it: 2^20 rules if nothing bounded them.
TEST_F(RuleFilesTest, AFloodOfFilesIsBounded) {
  for (int i = 0; i < 20; ++i) {
    const std::string next = "{\"include\": \"" + std::to_string(i + 1) + ".json\"}";
    write(std::to_string(i) + ".json", "[" + next + "," + next + "]");
  }
  write("20.json", R"([{"if": {"list": true}, "continue": true, "then": [{"flag": "\\Seen"}]}])");
  const auto problems = load("[ {\"include\": \"0.json\"} ]");
  EXPECT_THAT(problems, testing::Contains(HasSubstr("more than 100,000 rules")));
}

TEST_F(RuleFilesTest, AnIncludedConfigurationMayHaveFilesOfRulesBesideIt) {
  std::filesystem::create_directory(directory + "/parts");
  write("parts/part.json", "{ \"rules\": [\n {\"include\": \"rules.json\"} ] }");
  write("parts/rules.json", "[ {\"name\": \"b\", \"then\": [{\"deliver\": \"hom\"}]} ]");
  EXPECT_THAT(load("[ {\"name\": \"a\", \"if\": {\"list\": true}, \"then\": [{\"stop\": true}]} ]",
                   ", \"include\": \"parts/*.json\" "),
              testing::Contains(HasSubstr("parts/rules.json:1: /0/then/0/deliver")));
}

}  // namespace
}  // namespace mailstead::agent
