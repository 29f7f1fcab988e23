// The text of a configuration: JSON with comments, its faults in words, limits, includes.
#include "agent/config/config.h"
#include "agent/config/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mailstead::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Row {
  const char* name;
  const char* text;
  unsigned line, column;
  const char* what;
  const char* hint;
};
class ConfigSyntax : public testing::TestWithParam<Row> {};

TEST_P(ConfigSyntax, IsExplained) {
  std::vector<SyntaxFault> faults;
  EXPECT_FALSE(parse_json(GetParam().text, faults).has_value());
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].line, GetParam().line) << faults[0].what;
  EXPECT_EQ(faults[0].column, GetParam().column) << faults[0].what;
  EXPECT_THAT(faults[0].what, HasSubstr(GetParam().what));
  EXPECT_THAT(faults[0].hint, HasSubstr(GetParam().hint));
}

constexpr Row kRows[] = {
    {"Empty", "", 1, 1, "the file is empty", ""},
    {"OnlyComment", "// x\n", 2, 1, "the file is empty", ""},
    {"NotClosed", "{\n\"a\": [1,\n2]\n", 4, 1, "ends too early", "\"{\" of line 1"},
    {"TrailingComma", "{\n  \"a\": 1,\n}", 3, 1, "a comma before \"}\"", "line 2"},
    {"TrailingCommaInList", "{\"a\": [1, ]}", 1, 11, "a comma before \"]\"", "line 1"},
    {"MissingComma", "{\n  \"a\": 1\n  \"b\": 2\n}", 3, 3, "a comma is missing", "line 2"},
    {"MissingCommaBehindBrace", "{\n\"a\": {}\n\"b\": {}\n}", 3, 1, "a comma is missing", "line 2"},
    {"MissingColon", "{\"a\" 1}", 1, 6, "a colon or a comma is missing", ""},
    {"WrongBracket", "{\"a\": [1}", 1, 9, "another bracket is open", "\"[\" of line 1"},
    {"SingleQuotes", "{'a': 1}", 1, 2, "single quotes", "double quotes"},
    {"BareKey", "{a: 1}", 1, 2, "a key without quotes", ""},
    {"BareValue", "{\"a\": yes}", 1, 7, "no JSON value", "true, false"},
    {"Hash", "{\n# x\n}", 2, 1, "begins no comment", "//"},
    {"Equals", "{\"a\" = 1}", 1, 6, "\"=\"", ""},
    {"StringNotEnded", "{\n\"a\": \"b\n}", 2, 8, "does not end on its line", "line 2"},
    {"Backslash", "{\"a\": \"C:\\dir\"}", 1, 11, "a backslash", "\\\\"},
    {"Behind", "{}\n{}", 2, 1, "behind the end", ""},
};
std::string row_name(const testing::TestParamInfo<Row>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Rows, ConfigSyntax, testing::ValuesIn(kRows), row_name);

TEST(ConfigText, RefusesAKeyTwice) {
  std::vector<SyntaxFault> faults;
  (void)parse_json("{\n\"a\": {\"x\": 1,\n\"x\": 2},\n\"a\": 3}", faults);
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0].line, 3U);
  EXPECT_EQ(faults[0].pointer, "/a/x");
  EXPECT_EQ(faults[1].line, 4U);
}

TEST(ConfigText, BoundsDepthAndSize) {
  std::vector<SyntaxFault> faults;
  std::string deep = "{\"a\": " + std::string(64, '[') + std::string(64, ']') + '}';
  EXPECT_FALSE(parse_json(deep, faults).has_value());
  EXPECT_THAT(faults.at(0).what, HasSubstr("nested too deeply"));
  faults.clear();
  EXPECT_TRUE(parse_json("{\"a\": " + std::string(63, '[') + std::string(63, ']') + '}', faults).has_value());
  EXPECT_FALSE(parse_json(std::string(1'000'000, '['), faults).has_value());
  EXPECT_FALSE(parse_json(std::string(kMaxConfigBytes + 1, ' '), faults).has_value());
  EXPECT_THAT(faults.back().what, HasSubstr("larger than 16 MB"));
}

TEST(ConfigText, LocatesKeysAndItems) {
  std::string text = "{ // c\n\"a~/b\":\n  [ 1,\n 2 ,\n{\"x\":\n\"y\"}\n] }";
  auto lines = locate(text, {"/a~0~1b", "/a~0~1b/0", "/a~0~1b/1", "/a~0~1b/2", "/a~0~1b/2/x", "/a~0~1b/2/none/z", ""});
  EXPECT_EQ(lines["/a~0~1b"], 2U);
  EXPECT_EQ(lines["/a~0~1b/0"], 3U);
  EXPECT_EQ(lines["/a~0~1b/1"], 4U);
  EXPECT_EQ(lines["/a~0~1b/2"], 5U);
  EXPECT_EQ(lines["/a~0~1b/2/x"], 5U);
  EXPECT_EQ(lines["/a~0~1b/2/none/z"], 5U);
  EXPECT_EQ(lines[""], 1U);
}

// Every prefix of a good text is explained, without an exception, and at a place inside the text.
TEST(ConfigText, ExplainsEveryPrefix) {
  std::string text = "{ // c\n \"a\": [1.5e3, true, null, \"\\u00fc\\n\"],\n /* d */ \"b\": {\"c\": {}}\n}";
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::vector<SyntaxFault> faults;
    EXPECT_FALSE(parse_json(std::string_view(text).substr(0, i), faults).has_value()) << i;
    ASSERT_EQ(faults.size(), 1U) << i;
    EXPECT_GE(faults[0].line, 1U);
    EXPECT_LE(faults[0].line, 4U);
    EXPECT_FALSE(faults[0].what.empty());
  }
}

class ConfigFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "mailstead-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    std::filesystem::path path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path.string();
  }
  std::vector<std::string> problems_of(const std::string& path) {
    std::vector<ConfigProblem> problems;
    config_ = load_config(path, problems);
    std::vector<std::string> out;
    for (const ConfigProblem& one : problems) {
      std::string text = text_of(one);
      for (auto at = text.find(directory_.string()); at != std::string::npos; at = text.find(directory_.string()))
        text.replace(at, directory_.string().size() + 1, "");
      out.push_back(text);
    }
    return out;
  }

  std::filesystem::path directory_;
  std::shared_ptr<const Config> config_;
};

TEST_F(ConfigFiles, MissingIsOneClearLine) {
  auto problems = problems_of((directory_ / "none.json").string());
  EXPECT_THAT(problems, ElementsAre("none.json: cannot be read: No such file or directory"));
}

TEST_F(ConfigFiles, MergesIncludedFiles) {
  write("accounts.d/b.json", R"({"accounts": {"b": {"protocol": "pop3", "host": "h", "user": "u",
                                 "password": {"file": "b.secret"}}}, "rules": [{"then": [{"stop": true}]}]})");
  write("accounts.d/b.secret", "geheim\nsecond line\n");
  std::string main = write("m.json", R"({"include": "accounts.d/*.json",
      "accounts": {"a": {"protocol": "pop3", "host": "h", "user": "u", "password": "p"}},
      "destinations": {"d": {"type": "maildir", "path": "Maildir"}},
      "rules": [{"if": {"account": "b"}, "then": [{"stop": true}]}]})");
  EXPECT_TRUE(problems_of(main).empty());
  ASSERT_NE(config_, nullptr);
  EXPECT_EQ(config_->accounts.size(), 2U);
  EXPECT_EQ(config_->rules->size(), 2U);
  EXPECT_EQ(config_->destinations.at("d").path, (directory_ / "Maildir").string());
  EXPECT_EQ(config_->accounts.at("b").credentials.password().reveal(), "geheim");
}

TEST_F(ConfigFiles, TellsConflictsAndFaultsOfIncludedFilesAtTheirPlace) {
  write("x.json",
        "{\"accounts\": {\n\"a\": {},\n\"b\": {\"protocol\": \"imapp\", \"host\": \"h\", \"user\": \"u\", "
        "\"password\": {\"env\": \"P\"}}},\n\"data_dir\": \"y\",\n\"rules\": [{\"then\": []}],\n\"include\": \"z\"}");
  std::string main =
      write("m.json",
            "{\"include\": [\"x.json\", \"none.json\", \"none.d/*.json\"], \"data_dir\": \"x\",\n"
            "\"accounts\": {\"a\": {\"protocol\": \"pop3\", \"host\": \"h\", \"user\": \"u\", \"password\": \"p\"}},\n"
            "\"destinations\": {\"d\": {\"type\": \"maildir\", \"path\": \"Maildir\"}},\n\"rules\": [{\"if\": "
            "{\"list\": true}, \"then\": [{\"stop\": true}]}]}");
  auto problems = problems_of(main);
  ASSERT_EQ(problems.size(), 6U) << testing::PrintToString(problems);
  EXPECT_THAT(problems, testing::Contains(HasSubstr("x.json:2: /accounts/a: stands in m.json, too")));
  EXPECT_THAT(problems, testing::Contains(HasSubstr("x.json:4: /data_dir: stands in m.json, too")));
  EXPECT_THAT(problems, testing::Contains(HasSubstr("x.json:6: /include: an included file cannot include")));
  EXPECT_THAT(problems, testing::Contains(HasSubstr("m.json:1: /include/1: there is no file \"none.json\"")));
  EXPECT_THAT(problems, testing::Contains(HasSubstr("x.json:3: /accounts/b/protocol: \"imapp\" is not one of imap")));
  EXPECT_THAT(problems, testing::Contains(HasSubstr("x.json:5: /rules/0/then: \"then\" is empty")));
}

TEST_F(ConfigFiles, RefusesAWrittenPasswordThatOthersCanRead) {
  std::string text = R"({"accounts": {"a": {"protocol": "pop3", "host": "h", "user": "u", "password": "p"}},
      "destinations": {"d": {"type": "maildir", "path": "Maildir"}}})";
  for (mode_t mode : {0640, 0604, 0644}) {
    auto problems = problems_of(write("m.json", text, mode));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_THAT(problems[0], HasSubstr("m.json:1: /accounts/a/password: a password in a file that others can read"));
    EXPECT_THAT(problems[0], HasSubstr("chmod 600"));
  }
  EXPECT_TRUE(problems_of(write("m.json", text, 0600)).empty());
  std::string without = R"({"users": {"a": {}}})";
  EXPECT_TRUE(problems_of(write("m.json", without, 0644)).empty());
}

}  // namespace
}  // namespace mailstead::agent
