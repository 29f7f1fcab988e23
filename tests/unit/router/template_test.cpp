#include "tests/unit/router/sample.h"

#include "mail/unicode.h"
#include "router/date_format.h"
#include "router/folder_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::router {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Decision decide_with(const json& actions, const Sample& sample = {},
                     const json& condition = {{"size", {{"over", 0}}}}) {
  auto set = compiled(json::array({{{"name", "r"}, {"if", condition}, {"then", actions}}}));
  return sample.ask([&](const Subject& subject) { return set->decide(subject); });
}

std::string folder_of(const std::string& text, const Sample& sample = {}) {
  Decision decision = decide_with({{{"deliver", "archive"}, {"folder", text}}}, sample);
  return decision.deliveries.at(0).folder;
}

struct Row {
  const char* name;
  const char* text;
  const char* folder;
};
class RouterTemplate : public testing::TestWithParam<Row> {};
TEST_P(RouterTemplate, FillsAFolder) {
  EXPECT_EQ(folder_of(GetParam().text), GetParam().folder);
}

constexpr Row kRows[] = {
    {"Text", "Lists/boost", "Lists/boost"},
    {"FromLocal", "By/${from.local}", "By/Juergen.Mueller"},
    {"FromDomain", "${from.domain}/in", "Bank.Example/in"},
    {"ToLocal", "${to.local}", "alice"},
    {"ToDomain", "${to.domain}", "example.org"},
    {"Account", "${account}/${folder}", "work/INBOX"},
    {"Date", "${date:%Y}/${date:%Y-%m}", "2024/2024-03"},
    {"HeaderDecoded", "${header:subject}", "Grüße aus Köln"},
    {"SlashOfAHeaderMakesNoLevel", "${header:X-Spam-Score}", "5.3 _ 8.0"},
    {"Escaped", "$${x} $5", "${x} $5"},
    {"EmptyLevelFallsBack", "Lists/${header:X-None}", ""},
    {"EmptyButNotTheLevel", "Lists/x${header:X-None}", "Lists/x"},
};
std::string row_name(const testing::TestParamInfo<Row>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Rows, RouterTemplate, testing::ValuesIn(kRows), row_name);

TEST(RouterTemplate, TheEnvelopesRecipientComesBeforeTheToField) {
  Sample sample;
  sample.envelope_to = {"carol@home.example", "dave@home.example"};
  EXPECT_EQ(folder_of("${to.local}", sample), "carol");
  EXPECT_EQ(folder_of("${envelope-to}", sample), "carol@home.example");
  EXPECT_EQ(folder_of("${envelope-to.domain}/${envelope-to.local}", sample), "home.example/carol");
  EXPECT_EQ(folder_of("x${envelope-to.local}"), "x");
}

TEST(RouterTemplate, TheEnvelopeAloneIsAllItsRecipients) {
  Sample sample;
  sample.envelope_to = {"carol@home.example", "local-part-only", "dave@home.example"};
  EXPECT_THAT(decide_with({{{"deliver", "relay"}, {"to", "${envelope-to}"}}}, sample).deliveries.at(0).to,
              ElementsAre("carol@home.example", "dave@home.example"));
  EXPECT_THAT(
      decide_with({{{"deliver", "relay"}, {"to", "${envelope-to.local}@inner.example"}}}, sample).deliveries.at(0).to,
      ElementsAre("carol@inner.example"));
}

TEST(RouterTemplate, UsersWithoutADomainAreRecipientsWhereUsersAreKnown) {
  Sample sample;
  sample.envelope_to = {"carol@home.example", "local-part-only"};
  EXPECT_THAT(decide_with({{{"deliver", "users"}, {"to", "${envelope-to}"}}}, sample).deliveries.at(0).to,
              ElementsAre("carol@home.example", "local-part-only"));
  EXPECT_THAT(
      decide_with({{{"deliver", "users"}, {"to", {"${envelope-to.local}", "alice", "${header:X-None}"}}}}, sample)
          .deliveries.at(0)
          .to,
      ElementsAre("carol", "alice"));
}

TEST(RouterTemplate, NotesTheFallback) {
  Decision decision = decide_with({{{"deliver", "archive"}, {"folder", "Lists/${header:X-None}"}}});
  EXPECT_THAT(decision.notes, ElementsAre(HasSubstr("the folder of \"archive\" was used instead")));
}

TEST(RouterTemplate, MakesHostileValuesHarmlessInFolders) {
  struct {
    const char* value;
    const char* folder;
  } const rows[] = {
      {"..", ""},
      {"../../etc/passwd", "L/.._.._etc_passwd"},
      {".", ""},
      {"a\x01\x7f"
       "b",
       "L/ab"},
      {"a\xe2\x80\xae"
       "b",
       "L/ab"},
      {"  a \t  b  ", "L/a b"},
      {"100%*", "L/100__"},
      {"e\xcc\x81", "L/\xc3\xa9"},
  };
  for (const auto& row : rows) {
    Sample sample;
    sample.text = std::string("X-V: ") + row.value + "\r\n\r\n";
    EXPECT_EQ(folder_of("L/${header:X-V}", sample), row.folder) << row.value;
  }
}

TEST(RouterTemplate, CutsALongValueAtACharacter) {
  Sample sample;
  sample.text = "X-V: ";
  for (int i = 0; i < 500; ++i) sample.text += "ü";
  sample.text += "\r\n\r\n";
  std::string folder = folder_of("${header:X-V}", sample);
  EXPECT_EQ(folder.size(), kMaxLevelBytes);
}

TEST(RouterTemplate, TakesGroupsOfTheLastRegexThatMatched) {
  json condition = json::parse(R"j({"all": [{"header": "Subject", "regex": "(\\w+)$"},
      {"not": {"header": "Subject", "regex": "^(zzz)"}},
      {"header": "List-Id", "regex": "<([^.>]+)\\.(.*)>"}]})j");
  Decision decision = decide_with({{{"deliver", "archive"}, {"folder", "Lists/${regex:1}/${regex:2}"}}}, {}, condition);
  EXPECT_EQ(decision.deliveries.at(0).folder, "Lists/boost-users/lists.boost.org");
}

TEST(RouterTemplate, NeverWritesALineEndIntoAHeader) {
  Sample sample;
  sample.text = "X-V: =?utf-8?q?a=0D=0AX-Evil:_1=00?=\r\n\r\n";
  Decision decision = decide_with({{{"set_header", {{"X-Copy", "<${header:X-V}>"}}}}}, sample);
  ASSERT_EQ(decision.edits.size(), 1U);
  for (char c : decision.edits[0].value) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << decision.edits[0].value;
  EXPECT_THAT(decision.edits[0].value, HasSubstr("X-Evil"));
}

TEST(RouterTemplate, LeavesOutRecipientsThatAreNone) {
  Sample sample;
  sample.text = "X-Good: real@x.example\r\nX-Evil: a@b.example>\r\n RCPT TO:<c@d.example\r\n\r\n";
  Decision decision = decide_with({{{"deliver", "relay"}, {"to", {"${header:X-Good}", "${header:X-Evil}"}}}}, sample);
  EXPECT_THAT(decision.deliveries.at(0).to, ElementsAre("real@x.example"));
  EXPECT_EQ(decision.notes.size(), 1U);
  decision = decide_with({{{"deliver", "relay"}, {"to", "${header:X-Evil}"}}}, sample);
  EXPECT_THAT(decision.deliveries.at(0).to, IsEmpty());
  EXPECT_EQ(decision.deliveries.at(0).destination, "relay");
}

TEST(RouterTemplate, RefusesWhatItDoesNotKnow) {
  struct {
    const char* text;
    const char* said;
  } const rows[] = {
      {"${from.locl}", "did you mean \"from.local\"?"},
      {"${zzzzzzzz}", "there are header:NAME"},
      {"${header}", "lacks its argument"},
      {"${account:x}", "takes no argument"},
      {"${header:a b}", "is no name of a header field"},
      {"${date:%Q}", "unknown conversion \"%Q\""},
      {"${date:%Y", "without its \"}\""},
      {"${regex:1}", "needs a \"regex\" test"},
      {"a//b", "is no name of a folder"},
      {"../x", "is no name of a folder"},
  };
  for (const auto& row : rows) {
    auto problems = problems_of(json::array({{{"then", {{{"deliver", "home"}, {"folder", row.text}}}}}}));
    ASSERT_EQ(problems.size(), 1U) << row.text;
    EXPECT_THAT(problems[0], HasSubstr("/rules/0/then/0/folder: "));
    EXPECT_THAT(problems[0], HasSubstr(row.said));
  }
}

TEST(RouterTemplate, RefusesAGroupThatNoRegexHas) {
  auto problems = problems_of(json::parse(R"j([{"if": {"header": "A", "regex": "(x)"},
      "then": [{"deliver": "home", "folder": "${regex:2}"}]
},
      {"if": {"not": {"header": "A", "regex": "(x)"}}, "then": [{"deliver": "home", "folder": "${regex:1}"}]}])j"));
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0], HasSubstr("only 1 groups"));
  EXPECT_THAT(problems[1], HasSubstr("one inside \"not\" does not count"));
}

TEST(RouterDateFormat, KnowsIsoWeeksAtTheTurnOfTheYear) {
  using namespace std::chrono;
  mail::WallTime time = sys_days(year(2021) / 1 / 3) + hours(4) + minutes(5) + seconds(6);
  EXPECT_EQ(format_date("%G-W%V %j %y%m%d %H:%M:%S %a %b %F %%", time),
            "2020-W53 003 210103 04:05:06 Sun Jan 2021-01-03 %");
}

TEST(RouterUnicode, FoldsSimply) {
  EXPECT_EQ(mail::fold_case("ÄÖÜ İ Σς ẞ"), mail::fold_case("äöü İ σσ ß"));
  EXPECT_EQ(mail::fold_case("a\xff"), "a\xef\xbf\xbd");
  EXPECT_EQ(mail::cut("aü", 2), "a");
}

}  // namespace
}  // namespace mailstead::router
