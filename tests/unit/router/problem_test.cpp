#include "tests/unit/router/sample.h"

#include "router/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::router {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Row {
  const char* name;
  const char* rules;
  const char* pointer;
  const char* said;
};
class RouterProblem : public testing::TestWithParam<Row> {};

TEST_P(RouterProblem, IsReportedOnceAtItsPlace) {
  auto problems = problems_of(json::parse(GetParam().rules));
  ASSERT_EQ(problems.size(), 1U) << testing::PrintToString(problems);
  EXPECT_THAT(problems[0], StartsWith(std::string(GetParam().pointer) + ": "));
  EXPECT_THAT(problems[0], HasSubstr(GetParam().said));
}

#define RULE_IF(condition) R"([{"if": )" condition R"(, "then": [{"stop": true}]}])"
#define RULE_THEN(action) R"([{"then": [)" action R"(]}])"

constexpr Row kRows[] = {
    {"NotAList", R"({"a": 1})", "/rules", "rules are a list"},
    {"NotAnObject", R"(["x"])", "/rules/0", "a rule is an object"},
    {"UnknownKeyOfRule", R"([{"iff": {"list": true}, "then": [{"stop": true}]}])", "/rules/0/iff",
     "did you mean \"if\"?"},
    {"NoThen", R"([{"if": {"list": true}}])", "/rules/0", "has no \"then\""},
    {"EmptyThen", R"([{"if": {"list": true}, "then": []}])", "/rules/0/then", "is empty"},
    {"EmptyIf", RULE_IF("{}"), "/rules/0/if", "an empty condition"},
    {"EmptyAll", RULE_IF(R"({"all": []})"), "/rules/0/if/all", "is empty"},
    {"UnknownTest", RULE_IF(R"({"all": [{"adress": "from", "is": "x"}]})"), "/rules/0/if/all/0/adress",
     "unknown test \"adress\" (did you mean \"address\"?)"},
    {"TwoTests", RULE_IF(R"({"list": true, "bulk": true})"), "/rules/0/if/bulk", "two tests"},
    {"UnknownKeyOfTest", RULE_IF(R"({"header": "A", "is": "b", "cases": true})"), "/rules/0/if/cases",
     "did you mean \"case\"?"},
    {"NoOperator", RULE_IF(R"({"header": "A"})"), "/rules/0/if", "says not what to compare with"},
    {"TwoOperators", RULE_IF(R"({"header": "A", "is": "b", "contains": "c"})"), "/rules/0/if/contains",
     "two operators"},
    {"WrongTypeOfOperand", RULE_IF(R"({"header": "A", "is": 5})"), "/rules/0/if/is", "not a number"},
    {"EmptyOperand", RULE_IF(R"({"header": "A", "contains": ""})"), "/rules/0/if/contains", "is empty"},
    {"EmptyList", RULE_IF(R"({"header": "A", "is": []})"), "/rules/0/if/is", "is an empty list"},
    {"WrongItem", RULE_IF(R"({"header": "A", "is": ["x", true]})"), "/rules/0/if/is/1", "must be a string, not true"},
    {"HeaderWithColon", RULE_IF(R"({"header": "A:", "is": "x"})"), "/rules/0/if/header", "leave the colon out"},
    {"BadRegex", RULE_IF(R"({"header": "A", "regex": "a(b"})"), "/rules/0/if/regex", "missing ): a(b"},
    {"BadRegexPlace", RULE_IF(R"({"header": "A", "regex": ["x", "üa**"]})"), "/rules/0/if/regex/1", "at character 3"},
    {"LookAhead", RULE_IF(R"j({"header": "A", "regex": "(?=x)"})j"), "/rules/0/if/regex", "no look-ahead"},
    {"HugeRegex", RULE_IF(R"j({"header": "A", "regex": "((((x{100}){100}){100}){100})"})j"), "/rules/0/if/regex",
     "cannot be used"},
    {"CrossedNumbers", RULE_IF(R"({"header": "A", "over": 5, "under": 5})"), "/rules/0/if", "exchange the two"},
    {"UnknownAddress", RULE_IF(R"({"address": "form", "is": "x"})"), "/rules/0/if/address", "did you mean \"from\"?"},
    {"DomainAndOperator", RULE_IF(R"({"address": "from", "domain": "x", "is": "y"})"), "/rules/0/if/is", "both"},
    {"UnknownAccount", RULE_IF(R"({"account": "werk"})"), "/rules/0/if/account", "did you mean \"work\"?"},
    {"UnknownFlag", RULE_IF(R"({"flag": "\\Sean"})"), "/rules/0/if/flag", "did you mean \"\\Seen\"?"},
    {"BadSize", RULE_IF(R"({"size": {"over": "10 parsecs"}})"), "/rules/0/if/size/over", "is not a size"},
    {"CrossedSizes", RULE_IF(R"({"size": {"over": "2KB", "under": "1KB"}})"), "/rules/0/if/size", "exchange"},
    {"EmptySize", RULE_IF(R"({"size": {}})"), "/rules/0/if/size", "neither"},
    {"BadAge", RULE_IF(R"({"age": {"over": "30 days"}})"), "/rules/0/if/age/over", "is not a duration"},
    {"BadDate", RULE_IF(R"({"date": {"after": "2024-02-30"}})"), "/rules/0/if/date/after", "is not a date"},
    {"OnErrorWord", R"([{"on_error": "rety", "then": [{"stop": true}]}])", "/rules/0/on_error",
     "did you mean \"retry\"?"},
    {"OnErrorType", R"([{"on_error": true, "then": [{"stop": true}]}])", "/rules/0/on_error", "must be a string"},
    {"SpamUnknown", RULE_IF(R"({"spam": "rspam"})"), "/rules/0/if/spam", "did you mean \"rspamd\"?"},
    {"SpamType", RULE_IF(R"({"spam": true})"), "/rules/0/if/spam", "must be a string"},
    {"SpamKey", RULE_IF(R"({"spam": "rspamd", "above": 5})"), "/rules/0/if/above", "unknown key"},
    {"SpamScore", RULE_IF(R"({"spam": "rspamd", "over": "5"})"), "/rules/0/if/over", "a score is a number"},
    {"SpamBounds", RULE_IF(R"({"spam": "rspamd", "over": 5, "under": 5})"), "/rules/0/if", "nothing is both"},
    {"SpamNoAction", RULE_IF(R"({"spam": "assassin", "action": "reject"})"), "/rules/0/if/action", "names no actions"},
    {"SpamSymbols", RULE_IF(R"({"spam": "rspamd", "symbol": []})"), "/rules/0/if/symbol", "is an empty list"},
    {"SpamVariable", RULE_THEN(R"({"log": "${spam.score}"})"), "/rules/0/then/0/log", "needs a \"spam\" test"},
    {"SeenFixed", RULE_IF(R"({"seen": "x"})"), "/rules/0/if/seen", "is the same for every message"},
    {"SeenVariable", RULE_IF(R"({"seen": "${heder:X}"})"), "/rules/0/if/seen", "unknown variable"},
    {"SeenWindow", RULE_IF(R"({"seen": "${header:X}", "within": "2y"})"), "/rules/0/if/within", "is not a duration"},
    {"SeenWindowLong", RULE_IF(R"({"seen": "${header:X}", "within": "400d"})"), "/rules/0/if/within", "is not from 1s"},
    {"VacationAddresses", RULE_THEN(R"({"vacation": "x"})"), "/rules/0/then/0", "needs \"addresses\""},
    {"VacationAddress", RULE_THEN(R"({"vacation": "x", "addresses": ["a@b.example", "c"]})"),
     "/rules/0/then/0/addresses/1", "is no mail address"},
    {"VacationFrom", RULE_THEN(R"({"vacation": "x", "addresses": "a@b.example", "from": "a@b, c@d"})"),
     "/rules/0/then/0/from", "is no mail address"},
    {"VacationDays", RULE_THEN(R"({"vacation": "x", "addresses": "a@b.example", "days": 0})"), "/rules/0/then/0/days",
     "from 1 to 365"},
    {"VacationBy", RULE_THEN(R"({"vacation": "x", "addresses": "a@b.example", "by": "home"})"), "/rules/0/then/0/by",
     "is no destination of type smtp"},
    {"VacationText", RULE_THEN(R"({"vacation": "", "addresses": "a@b.example"})"), "/rules/0/then/0/vacation",
     "is empty"},
    {"CommandText", RULE_IF(R"({"command": "x -y"})"), "/rules/0/if/command", "add \"shell\": true"},
    {"CommandShellList", RULE_IF(R"({"command": ["x"], "shell": true})"), "/rules/0/if/command", "one text"},
    {"CommandEmpty", RULE_IF(R"({"command": []})"), "/rules/0/if/command", "is an empty list"},
    {"CommandRelative", RULE_IF(R"({"command": ["bin/x"]})"), "/rules/0/if/command", "begins nowhere"},
    {"CommandExit", RULE_IF(R"({"command": ["x"], "exit": [0, -1]})"), "/rules/0/if/exit/1", "from 0 to 255"},
    {"CommandNoExit", RULE_IF(R"({"command": ["x"], "exit": []})"), "/rules/0/if/exit", "is an empty list"},
    {"CommandOutput", RULE_IF(R"({"command": ["x"], "output": {}})"), "/rules/0/if/output", "what to compare with"},
    {"CommandOutputText", RULE_IF(R"({"command": ["x"], "output": "y"})"), "/rules/0/if/output", "is an object"},
    {"CommandTimeout", RULE_IF(R"({"command": ["x"], "timeout": "1h"})"), "/rules/0/if/timeout", "1s to 10m"},
    {"CommandTimeoutWord", RULE_IF(R"({"command": ["x"], "timeout": "soon"})"), "/rules/0/if/timeout", "a duration"},
    {"CommandUser", RULE_IF(R"({"command": ["x"], "user": 5})"), "/rules/0/if/user", "must be a string"},
    {"SameTest",
     R"([{"if": {"list": true}, "then": [{"stop": true}]}, {"if": {"bulk": true}, "then": [{"stop": true}]},
         {"if": {"list": true}, "then": [{"deliver": "home"}]}])",
     "/rules/2/if", "the rule \"rule 1\" has the same test and ends the walk"},
    {"SameTestWithKeysInAnotherOrder",
     R"([{"if": {"header": "A", "is": "b"}, "then": [{"stop": true}]},
         {"if": {"is": "b", "header": "A"}, "then": [{"stop": true}]}])",
     "/rules/1/if", "has the same test"},
    {"RunThenDiscard", R"([{"then": [{"run": ["x"]}, {"discard": true}]}])", "/rules/0/then/1",
     "would lose the message"},
    {"ResultsByAnybody", RULE_IF(R"({"auth": {"dkim": "pass"}})"), "/rules/0/if/auth", "\"by\" is missing"},
    {"UnknownResult", RULE_IF(R"({"auth": {"dkim": "passed", "by": "mx"}})"), "/rules/0/if/auth/dkim",
     "did you mean \"pass\"?"},
    {"UnknownMethod", RULE_IF(R"({"auth": {"dkmi": "pass", "by": "mx"}})"), "/rules/0/if/auth/dkmi",
     "did you mean \"dkim\"?"},
    {"NoMethod", RULE_IF(R"({"auth": {"by": "mx"}})"), "/rules/0/if/auth", "no method"},
    {"AuthIsAWord", RULE_IF(R"({"auth": "pass"})"), "/rules/0/if/auth", "object in braces"},
    {"UnknownAction", RULE_THEN(R"({"delivr": "home"})"), "/rules/0/then/0/delivr", "did you mean \"deliver\"?"},
    {"ContinueAsAction", RULE_THEN(R"({"continue": true})"), "/rules/0/then/0/continue", "belongs to the rule"},
    {"TwoActions", RULE_THEN(R"({"deliver": "home", "stop": true})"), "/rules/0/then/0/stop", "two actions"},
    {"UnknownDestination", RULE_THEN(R"({"deliver": "hom"})"), "/rules/0/then/0/deliver",
     "there is no destination \"hom\" (did you mean \"home\"?)"},
    {"FolderWithoutFolders", RULE_THEN(R"({"deliver": "relay", "folder": "x"})"), "/rules/0/then/0/folder",
     "has no folders"},
    {"RecipientWithoutRecipients", RULE_THEN(R"({"deliver": "home", "to": "a@b.c"})"), "/rules/0/then/0/to",
     "has no recipients"},
    {"NameWithoutADomain", RULE_THEN(R"({"deliver": "relay", "to": "alice"})"), "/rules/0/then/0/to",
     "is no mail address"},
    {"BadUser", RULE_THEN(R"({"deliver": "users", "to": "a b"})"), "/rules/0/then/0/to", "or alice alone"},
    {"BadRecipient", RULE_THEN(R"({"deliver": "relay", "to": ["a@b.c", "a b"]})"), "/rules/0/then/0/to/1",
     "is no mail address"},
    {"DiscardFalse", RULE_THEN(R"({"discard": false})"), "/rules/0/then/0/discard", "must be true"},
    {"AfterDiscard", RULE_THEN(R"({"discard": true}, {"flag": "\\Seen"})"), "/rules/0/then/1", "is never done"},
    {"AfterStop", RULE_THEN(R"({"stop": true}, {"deliver": "home"}, {"deliver": "home"})"), "/rules/0/then/1",
     "is never done"},
    {"DiscardAfterDeliver", RULE_THEN(R"({"deliver": "home"}, {"discard": true})"), "/rules/0/then/1",
     "takes nothing back"},
    {"HeaderInjection", RULE_THEN(R"({"set_header": {"X-A": "a\r\nB: c"}})"), "/rules/0/then/0/set_header/X-A",
     "control character"},
    {"HeaderName", RULE_THEN(R"({"add_header": {"X A/b": "a"}})"), "/rules/0/then/0/add_header/X A~1b", "is no name"},
    {"KeywordIsFlag", RULE_THEN(R"({"keyword": "\\Seen"})"), "/rules/0/then/0/keyword", "set by \"flag\""},
    {"NotifyUnknown", RULE_THEN(R"({"notify": "x"})"), "/rules/0/then/0/notify", "there is no destination"},
    {"NotifyWhole", RULE_THEN(R"({"notify": "home"})"), "/rules/0/then/0/notify",
     "is no web service that gets notices"},
    {"QuarantineFor", RULE_THEN(R"({"quarantine": "x", "for": "hoem"})"), "/rules/0/then/0/for",
     "did you mean \"home\"?"},
    {"QuarantineEmpty", RULE_THEN(R"({"quarantine": ""})"), "/rules/0/then/0/quarantine", "is empty"},
    {"QuarantineLate", R"([{"then": [{"deliver": "home"}, {"quarantine": "x"}]}])", "/rules/0/then/1",
     "holds nothing back"},
    {"BehindQuarantine", R"([{"then": [{"quarantine": "x"}, {"stop": true}]}])", "/rules/0/then/1", "is never done"},
    {"QuarantineContinue", R"([{"continue": true, "then": [{"quarantine": "x"}]}])", "/rules/0/continue",
     "contradicts"},
    {"Reject", RULE_THEN(R"({"reject": "no"})"), "/rules/0/then/0/reject", "backscatter"},
    {"FilterText", RULE_THEN(R"({"filter": "x"})"), "/rules/0/then/0/filter", "add \"shell\": true"},
    {"RunWithExit", RULE_THEN(R"({"run": ["x"], "exit": 1})"), "/rules/0/then/0/exit", "unknown key \"exit\""},
    {"ContinueAndStop", R"([{"continue": true, "then": [{"stop": true}]}])", "/rules/0/continue", "contradicts"},
    {"SameNameTwice",
     R"([{"name": "a", "if": {"list": true}, "then": [{"stop": true}]}, {"name": "a", "then": [{"stop": true}]}])",
     "/rules/1/name", "another rule is called \"a\""},
    {"NameDefault", R"([{"name": "default", "then": [{"stop": true}]}])", "/rules/0/name", "is the name of"},
    {"Unreachable",
     R"([{"name": "all", "then": [{"deliver": "home"}]}, {"then": [{"stop": true}]}, {"then": [{"stop": true}]}])",
     "/rules/1", "is never tried: the rule \"all\""},
};
std::string row_name(const testing::TestParamInfo<Row>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Rows, RouterProblem, testing::ValuesIn(kRows), row_name);

TEST(RouterProblem, AllAreFoundInOneRun) {
  auto problems = problems_of(json::parse(R"([
    {"name": "a", "if": {"any": [{"adress": "x"}, {"header": "A", "regex": "("}, {"size": {"over": 1, "x": 2}}]},
     "then": [{"delivr": "x"}, {"deliver": "nowhere", "folder": "${x}"}]},
    {"if": {"account": "nobody"}, "then": 5, "els": []}])"));
  EXPECT_EQ(problems.size(), 9U) << testing::PrintToString(problems);
}

TEST(RouterProblem, DepthIsBounded) {
  auto nested = [](int depth) {
    json condition = {{"list", true}};
    for (int i = 1; i < depth; ++i) condition = {{"not", condition}};
    return json::array({{{"if", condition}, {"then", {{{"stop", true}}}}}});
  };
  EXPECT_THAT(problems_of(nested(64)), IsEmpty());
  auto problems = problems_of(nested(65));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0], HasSubstr("nested deeper than 64"));
}

TEST(RouterProblem, RedirectNeedsSomethingThatCarriesIt) {
  RuleContext context = sample_context();
  context.can_redirect = false;
  auto problems = problems_of(json::parse(R"([{"then": [{"redirect": "a@b.example"}]}])"), context);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0], HasSubstr("/rules/0/then/0/redirect: nothing can carry a redirect"));
}

TEST(RouterProblem, TheSameTestMayComeAgainWhereItCanBeReached) {
  const char* const good[] = {
      R"([{"if": {"list": true}, "continue": true, "then": [{"flag": "\\Seen"}]},
          {"if": {"list": true}, "then": [{"deliver": "home"}]}])",
      R"([{"if": {"list": true}, "then": [{"deliver": "home", "copy": true}]},
          {"if": {"list": true}, "then": [{"deliver": "home"}]}])",
      R"([{"if": {"any": [{"command": ["x"]}]}, "then": [{"stop": true}]},
          {"if": {"any": [{"command": ["x"]}]}, "then": [{"stop": true}]}])"};
  for (const char* rules : good) EXPECT_THAT(problems_of(json::parse(rules)), testing::IsEmpty()) << rules;
}

TEST(RouterVocabulary, NamesEveryKind) {
  auto words = vocabulary();
  EXPECT_EQ(words["condition"].size(), 22U);
  EXPECT_TRUE(words["condition/address"].contains("domain"));
  EXPECT_TRUE(words["action/deliver"].contains("copy"));
  EXPECT_TRUE(words["inside/size"].contains("over"));
}

}  // namespace
}  // namespace mailstead::router
