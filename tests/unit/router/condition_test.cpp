#include "tests/unit/router/sample.h"

#include <gtest/gtest.h>

namespace mailstead::router {
namespace {

struct Row {
  const char* name;
  const char* condition;
  bool expected;
};

class RouterCondition : public testing::TestWithParam<Row> {};

TEST_P(RouterCondition, Holds) {
  EXPECT_EQ(holds(GetParam().condition), GetParam().expected) << GetParam().condition;
}

constexpr Row kHeader[] = {
    {"IsFoldsCase", R"({"header": "subject", "is": "GRÜßE aus KÖLN"})", true},
    {"IsWhole", R"({"header": "Subject", "is": "Grüße"})", false},
    {"ExactCaseRefuses", R"({"header": "Subject", "is": "grüße aus köln", "case": true})", false},
    {"ExactCaseAccepts", R"({"header": "Subject", "is": "Grüße aus Köln", "case": true})", true},
    {"ContainsDecodedText", R"({"header": "Subject", "contains": "aus KÖ"})", true},
    {"ContainsNotTheEncodedText", R"({"header": "Subject", "contains": "utf-8"})", false},
    {"ListMeansAnyOf", R"({"header": "Subject", "contains": ["nothing", "köln"]})", true},
    {"StartsWith", R"({"header": "Subject", "starts_with": "grü"})", true},
    {"StartsWithNotInside", R"({"header": "Subject", "starts_with": "aus"})", false},
    {"EndsWith", R"({"header": "Subject", "ends_with": "KÖLN"})", true},
    {"GlobWholeValue", R"({"header": "Subject", "glob": "gr??e*köln"})", true},
    {"GlobNotAPart", R"({"header": "Subject", "glob": "gr??e"})", false},
    {"GlobSet", R"({"header": "Subject", "glob": "[f-h]r*"})", true},
    {"GlobNegatedSet", R"({"header": "Subject", "glob": "[!f-h]r*"})", false},
    {"GlobEscaped", R"({"header": "X-Spam-Score", "glob": "5\\.3*"})", true},
    {"GlobDotIsADot", R"({"header": "X-Spam-Score", "glob": "5?3 / 8[.]0"})", true},
    {"RegexAnywhere", R"({"header": "Subject", "regex": "k\\x{F6}ln$"})", true},
    {"RegexFoldsUnicode", R"({"header": "Subject", "regex": "KÖLN"})", true},
    {"RegexExactCase", R"({"header": "Subject", "regex": "KÖLN", "case": true})", false},
    {"Exists", R"({"header": "list-id", "exists": true})", true},
    {"ExistsFalse", R"({"header": "list-id", "exists": false})", false},
    {"MissingExistsFalse", R"({"header": "X-None", "exists": false})", true},
    {"MissingNeverContains", R"({"header": "X-None", "contains": "x"})", false},
    {"AnyOfNames", R"({"header": ["X-None", "List-Id"], "contains": "boost-users.lists"})", true},
    {"AnyOfRepeatedFields", R"({"header": "Received", "is": "by b"})", true},
    {"UnfoldedValue", R"({"header": "List-Id", "is": "Boost users <boost-users.lists.boost.org>"})", true},
    {"NumberOver", R"({"header": "X-Spam-Score", "over": 5})", true},
    {"NumberOverAndUnder", R"({"header": "X-Spam-Score", "over": 5, "under": 5.2})", false},
    {"NumberUnderNotANumber", R"({"header": "Subject", "under": 5})", false},
};

constexpr Row kAddress[] = {
    {"FromIs", R"({"address": "from", "is": "juergen.mueller@bank.example"})", true},
    {"FromIgnoresTheName", R"({"address": "from", "contains": "Jürgen"})", false},
    {"Domain", R"({"address": "from", "domain": ["mail.bank.example", "BANK.example"]})", true},
    {"DomainIsWhole", R"({"address": "from", "domain": "ank.example"})", false},
    {"DomainGlob", R"({"address": "cc", "domain": "*.example.net"})", true},
    {"Local", R"({"address": "to", "local": "bob"})", true},
    {"LocalGlob", R"({"address": "from", "local": "juergen.*"})", true},
    {"EveryAddressOfTheField", R"({"address": "to", "is": "bob@example.com"})", true},
    {"CommaInTheNameIsNoSeparator", R"({"address": "to", "local": "the"})", false},
    {"ListOfFields", R"({"address": ["sender", "cc"], "is": "team@lists.example.net"})", true},
    {"AnyRecipient", R"({"address": "any-recipient", "is": "team@lists.example.net"})", true},
    {"SenderMissing", R"({"address": "sender", "exists": true})", false},
    {"ReplyToMissing", R"({"address": "reply-to", "exists": false})", true},
};

constexpr Row kRest[] = {
    {"SizeUnder", R"({"size": {"under": "1KB"}})", true},
    {"SizeOver", R"({"size": {"over": "1KB"}})", false},
    {"SizeInOctets", R"({"size": {"over": 100, "under": "1MB"}})", true},
    {"Account", R"({"account": "work"})", true},
    {"AccountOther", R"({"account": ["old-isp"]})", false},
    {"Folder", R"({"folder": "inbox"})", true},
    {"FolderGlob", R"({"folder": ["Lists/*", "IN*"]})", true},
    {"FlagUnset", R"({"flag": "\\Seen"})", false},
    {"List", R"({"list": true})", true},
    {"ListFalse", R"({"list": false})", false},
    {"Bulk", R"({"bulk": true})", true},
    {"DateAfter", R"({"date": {"after": "2024-03-05T09:20:29Z"}})", true},
    {"DateBeforeIsStrict", R"({"date": {"before": "2024-03-05T10:20:30+01:00"}})", false},
    {"DateDayAlone", R"({"date": {"after": "2024-03-05", "before": "2024-03-06"}})", true},
    {"AgeOver", R"({"age": {"over": "47h"}})", true},
    {"AgeUnder", R"({"age": {"under": "2d"}})", false},
    {"All", R"({"all": [{"list": true}, {"size": {"over": "1GB"}}]})", false},
    {"Any", R"({"any": [{"list": false}, {"size": {"under": "1GB"}}]})", true},
    {"Not", R"({"not": {"any": [{"list": false}, {"bulk": false}]}})", true},
    {"Body", R"({"body": {"contains": "HELLO"}})", true},
    {"Raw", R"({"raw": {"contains": "Received: by a\r\nReceived"}})", true},
    {"NoAttachment", R"({"attachment": {"name": "*"}})", false},
};

std::string row_name(const testing::TestParamInfo<Row>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Header, RouterCondition, testing::ValuesIn(kHeader), row_name);
INSTANTIATE_TEST_SUITE_P(Address, RouterCondition, testing::ValuesIn(kAddress), row_name);
INSTANTIATE_TEST_SUITE_P(Rest, RouterCondition, testing::ValuesIn(kRest), row_name);

TEST(RouterCondition, ReadsTheEnvelopeFirstAndTheTraceFieldsElse) {
  Sample sample;
  sample.text =
      "Return-Path: <bounce@list.example>\r\nDelivered-To: alice@mailstead.example\r\nFrom: a@b.example\r\n\r\n";
  EXPECT_TRUE(holds(R"({"address": "envelope-from", "is": "bounce@list.example"})", sample));
  EXPECT_TRUE(holds(R"({"address": "envelope-to", "domain": "mailstead.example"})", sample));
  sample.envelope_from = "real@sender.example";
  sample.envelope_to = {"bob@mailstead.example"};
  EXPECT_FALSE(holds(R"({"address": "envelope-from", "is": "bounce@list.example"})", sample));
  EXPECT_TRUE(holds(R"({"address": "envelope-from", "domain": "sender.example"})", sample));
  EXPECT_TRUE(holds(R"({"address": "any-recipient", "local": "bob"})", sample));
  EXPECT_FALSE(holds(R"({"address": "any-recipient", "local": "alice"})", sample));
}

TEST(RouterCondition, ComparesFlagsOfTheSource) {
  Sample sample;
  ASSERT_TRUE(sample.flags.add("\\Seen"));
  ASSERT_TRUE(sample.flags.add("$Junk"));
  EXPECT_TRUE(holds(R"({"flag": "\\Seen"})", sample));
  EXPECT_TRUE(holds(R"({"flag": ["\\Flagged", "$junk"]})", sample));
  EXPECT_FALSE(holds(R"({"flag": ["\\Flagged", "$Work"]})", sample));
}

TEST(RouterCondition, TakesTheArrivalWhereTheDateCannotBeRead) {
  Sample sample;
  sample.text = "Date: yesterday, about noon\r\n\r\n";
  EXPECT_TRUE(holds(R"({"date": {"after": "2024-03-04", "before": "2024-03-06"}})", sample));
}

TEST(RouterCondition, GivesAMessageFromTheFutureNoAge) {
  Sample sample;
  sample.internal_date = sample.now + std::chrono::hours(1000);
  EXPECT_TRUE(holds(R"({"age": {"under": "1s"}})", sample));
}

TEST(RouterCondition, KnowsBulkByItsFields) {
  for (const char* field : {"Precedence: bulk", "Precedence:  JUNK ", "Auto-Submitted: auto-generated (x)",
                            "List-Unsubscribe: <mailto:x@y>", "Feedback-ID: 1:2"}) {
    Sample sample;
    sample.text = std::string(field) + "\r\n\r\n";
    EXPECT_TRUE(holds(R"({"bulk": true})", sample)) << field;
  }
  for (const char* field : {"Precedence: first-class", "Auto-Submitted: no; x", "Subject: bulk"}) {
    Sample sample;
    sample.text = std::string(field) + "\r\n\r\n";
    EXPECT_TRUE(holds(R"({"bulk": false})", sample)) << field;
  }
}

TEST(RouterCondition, TakesTheResultsOfOneServerOnly) {
  Sample sample;
  sample.text =
      "Authentication-Results: other.example; dkim=fail\r\n"
      "Authentication-Results: MX.example.org; spf=softfail smtp.mailfrom=a.example; iprev=hardfail;\r\n"
      "\tdkim=fail header.d=a.example; dkim=pass header.d=b.example\r\n"
      "Authentication-Results: mx.example.org 1; dmarc=none\r\n"
      "Authentication-Results: mx.example.org; spf=pass; dkim=none; dmarc=pass; arc=pass\r\n"
      "\r\n";
  EXPECT_TRUE(holds(R"({"auth": {"dkim": "pass", "by": "mx.example.org"}})", sample));
  EXPECT_TRUE(holds(R"({"auth": {"dkim": ["none", "FAIL"], "by": "mx.Example.org"}})", sample)) << "either signature";
  EXPECT_TRUE(holds(R"({"auth": {"dkim": "fail", "by": "other.example"}})", sample));
  EXPECT_TRUE(holds(R"({"auth": {"spf": ["softfail", "fail"], "dkim": "pass", "by": "mx.example.org"}})", sample));
  // What stands below the server's own verdict was there before it looked.
  EXPECT_FALSE(holds(R"({"auth": {"spf": "pass", "by": "mx.example.org"}})", sample));
  EXPECT_FALSE(holds(R"({"auth": {"dmarc": "pass", "by": "mx.example.org"}})", sample));
  EXPECT_FALSE(holds(R"({"auth": {"dkim": "pass", "by": "example.org"}})", sample));
  EXPECT_TRUE(holds(R"({"auth": {"iprev": "fail", "by": "mx.example.org"}})", sample)) << "the old word for it";
  EXPECT_FALSE(holds(R"({"auth": {"iprev": "none", "by": "other.example"}})", sample)) << "not told is no result";
}

TEST(RouterCondition, FindsAttachmentsByNameTypeAndSize) {
  Sample sample;
  sample.text =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n--b\r\nContent-Type: application/pdf\r\n"
      "Content-Disposition: attachment; filename*=utf-8''R%C3%A9sum%C3%A9.PDF\r\n\r\n%PDF-1.4\r\n--b--\r\n";
  EXPECT_TRUE(holds(R"({"attachment": {"name": "*.pdf"}})", sample));
  EXPECT_TRUE(holds(R"({"attachment": {"name": "résumé.*", "type": "application/*"}})", sample));
  EXPECT_FALSE(holds(R"({"attachment": {"name": "*.pdf", "type": "image/*"}})", sample));
  EXPECT_FALSE(holds(R"({"attachment": {"name": "*.pdf", "size": {"over": "1KB"}}})", sample));
  EXPECT_TRUE(holds(R"({"body": {"contains": "GRÜßE"}})", sample));
  EXPECT_FALSE(holds(R"({"body": {"contains": "%PDF"}})", sample));
}

TEST(RouterCondition, EndsAHostileRegexOnAMegabyteInTime) {
  Sample sample;
  sample.text = "Subject: x\r\nX-Long: " + std::string(1'000'000, 'a') + "!\r\n\r\n";
  auto rules = compiled(nlohmann::json::parse(
      R"([{"if": {"header": "X-Long", "regex": "(a+)+$"}, "then": [{"deliver": "archive", "folder": "${regex:1}"}]}])"));
  sample.ask([&](const Subject& subject) {
    auto start = std::chrono::steady_clock::now();
    Decision decision = rules->decide(subject);
    auto took = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(decision.deliveries.at(0).destination, "home");
    // 100 ms by the list of hostile input; sanitizers slow everything down.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    EXPECT_LT(took, std::chrono::milliseconds(2000));
#else
    EXPECT_LT(took, std::chrono::milliseconds(100));
#endif
    return 0;
  });
}

TEST(RouterCondition, LooksAtTheBeginningOfAnEndlessValueOnlyAndSaysSo) {
  Sample sample;
  sample.text = "X-Long: " + std::string(3'000'000, 'a') + "needle\r\n\r\n";
  auto rules = compiled(
      nlohmann::json::parse(R"([{"if": {"header": "X-Long", "contains": "needle"}, "then": [{"discard": true}]}])"));
  Decision decision = sample.ask([&](const Subject& subject) { return rules->decide(subject); });
  EXPECT_FALSE(decision.discarded);
  ASSERT_EQ(decision.notes.size(), 1U);
  EXPECT_NE(decision.notes[0].find("only the beginning"), std::string::npos);
}

TEST(RouterCondition, SurvivesHeaderlessAndInvalidInput) {
  using std::string_literals::operator""s;
  for (const std::string& text :
       {""s, "\r\n"s, "no header at all"s, "Subject: \xff\xfe\0\x80\r\nFrom: @@,<\"\">,\xff\r\n\r\n"s}) {
    Sample sample;
    sample.text = text;
    EXPECT_FALSE(holds(R"({"any": [{"header": "Subject", "regex": "^x"}, {"address": "from", "domain": "a.b"},
                                   {"body": {"contains": "zzz"}}, {"list": true}]})",
                       sample));
  }
}

}  // namespace
}  // namespace mailstead::router
