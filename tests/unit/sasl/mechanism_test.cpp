#include "connectors/sasl/client.h"

#include <gtest/gtest.h>

namespace mailstead::sasl {
namespace {

using Names = std::vector<std::string>;

struct Choice {
  std::string name;
  Names offered;
  std::string mechanism;
  bool tls, allow_cleartext, login_command;
  Names expected;
  std::string why_contains;
};

class ChooseMechanisms : public ::testing::TestWithParam<Choice> {};

TEST_P(ChooseMechanisms, TriesWhatFitsStrongestFirst) {
  const Choice& row = GetParam();
  Credentials credentials;
  credentials.mechanism = row.mechanism;
  credentials.allow_cleartext = row.allow_cleartext;
  std::string why;
  EXPECT_EQ(choose_mechanisms(row.offered, credentials, row.tls, row.login_command, why), row.expected);
  if (row.why_contains.empty())
    EXPECT_EQ(why, "");
  else
    EXPECT_NE(why.find(row.why_contains), std::string::npos) << why;
}

const Names kAll{"LOGIN",       "PLAIN",   "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
                 "OAUTHBEARER", "XOAUTH2", "EXTERNAL", "NTLM"};

INSTANTIATE_TEST_SUITE_P(
    Table, ChooseMechanisms,
    ::testing::Values(
        Choice{"AutoWithTls",
               kAll,
               "auto",
               true,
               false,
               true,
               {"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", ""},
               ""},
        Choice{
            "AutoInTheClearKeepsThePassword", kAll, "auto", false, false, true, {"SCRAM-SHA-256", "SCRAM-SHA-1"}, ""},
        Choice{"OnlyPlainInTheClear", {"PLAIN", "LOGIN"}, "auto", false, false, true, {}, "in the clear"},
        Choice{"OnlyTheLoginCommandInTheClear", {}, "auto", false, false, true, {}, "in the clear"},
        Choice{"CramInTheClearLikewise", {"CRAM-MD5"}, "cram-md5", false, false, false, {}, "in the clear"},
        Choice{"ClearAllowed", {"PLAIN"}, "auto", false, true, true, {"PLAIN", ""}, ""},
        Choice{"LowerCaseOffer", {"plain"}, "auto", true, false, false, {"PLAIN"}, ""},
        Choice{"ExplicitOnlyThat", kAll, "plain", true, false, true, {"PLAIN"}, ""},
        Choice{
            "ExplicitNotOffered", {"PLAIN"}, "scram-sha-256", true, false, true, {}, "offers PLAIN, not SCRAM-SHA-256"},
        Choice{"LoginFallsBackToTheCommand", {"PLAIN"}, "login", true, false, true, {""}, ""},
        Choice{"OauthOnlyWhenAsked", {"XOAUTH2", "OAUTHBEARER"}, "auto", true, false, false, {}, "none of which fits"},
        Choice{"OauthAsked", kAll, "xoauth2", true, false, true, {"XOAUTH2"}, ""},
        Choice{"TokenNotInTheClear", kAll, "oauthbearer", false, false, true, {}, "in the clear"},
        Choice{"ExternalOnlyWhenAsked", {"EXTERNAL"}, "auto", true, false, false, {}, "none of which fits"},
        Choice{"ExternalAsked", {"EXTERNAL"}, "external", true, false, false, {"EXTERNAL"}, ""},
        Choice{"UnknownToUs", {"DIGEST-MD5"}, "digest-md5", true, false, true, {}, "not supported"},
        Choice{"NothingOffered", {}, "auto", true, false, false, {}, "no mechanism"},
        Choice{"HostileOfferIsEscaped", {"X\x1b[31m"}, "auto", true, false, false, {}, "\\x1B"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace mailstead::sasl
