#include "connectors/smtp/verdict.h"

#include <gtest/gtest.h>

#include "mail/limits.h"

namespace mailstead::smtp {
namespace {

using Kind = delivery::Reply::Kind;

constexpr Stage kStages[] = {Stage::kGreeting,  Stage::kHello, Stage::kStartTls, Stage::kMail,
                             Stage::kRecipient, Stage::kData,  Stage::kBody,     Stage::kReset};

TEST(SmtpVerdict, JudgesAsTheTableSays) {
  struct Row {
    const char* name;
    Stage stage;
    WireReply reply;
    Kind kind;
    bool end_session;
  };
  const Row rows[] = {
      {"greeting", Stage::kGreeting, {220, {""}}, Kind::kAccepted, false},
      {"no service here is about the server", Stage::kGreeting, {554, {""}}, Kind::kTemporary, false},
      {"recipient taken", Stage::kRecipient, {250, {""}}, Kind::kAccepted, false},
      {"recipient forwarded", Stage::kRecipient, {251, {""}}, Kind::kAccepted, false},
      {"unknown recipient", Stage::kRecipient, {550, {"5.1.1 no"}}, Kind::kPermanent, false},
      {"greylisted", Stage::kRecipient, {450, {"4.7.1 later"}}, Kind::kTemporary, false},
      {"too many recipients, the old way", Stage::kRecipient, {552, {"too many"}}, Kind::kTemporary, false},
      {"mailbox full", Stage::kRecipient, {552, {"5.2.2 full"}}, Kind::kPermanent, false},
      {"message too large", Stage::kMail, {552, {"5.3.4 too large"}}, Kind::kPermanent, false},
      {"sign in first", Stage::kMail, {530, {"5.7.0 no"}}, Kind::kTemporary, true},
      {"authentication lost", Stage::kRecipient, {535, {""}}, Kind::kTemporary, true},
      {"leaving", Stage::kMail, {421, {""}}, Kind::kTemporary, true},
      {"out of sequence", Stage::kMail, {503, {""}}, Kind::kTemporary, true},
      {"data", Stage::kData, {354, {""}}, Kind::kAccepted, false},
      {"250 to DATA is out of step", Stage::kData, {250, {""}}, Kind::kTemporary, true},
      {"354 to MAIL is out of step", Stage::kMail, {354, {""}}, Kind::kTemporary, true},
      {"334 to RCPT is out of step", Stage::kRecipient, {334, {""}}, Kind::kTemporary, true},
      {"spam", Stage::kBody, {554, {"5.7.1 spam"}}, Kind::kPermanent, false},
  };
  for (const auto& row : rows) {
    auto verdict = judge(row.stage, row.reply);
    EXPECT_EQ(verdict.kind, row.kind) << row.name;
    EXPECT_EQ(verdict.end_session, row.end_session) << row.name;
  }
}

TEST(SmtpVerdict, HasAMeaningForEachCodeAtEachStage) {
  for (auto stage : kStages) {
    for (int code = 200; code < 600; ++code) {
      auto verdict = judge(stage, {code, {""}});
      bool proceeds = code / 100 == (stage == Stage::kData ? 3 : 2);
      EXPECT_EQ(verdict.kind == Kind::kAccepted, proceeds) << code;
      if (verdict.kind == Kind::kPermanent) {
        EXPECT_EQ(code / 100, 5) << code;
      }
      if (code / 100 < 4 && !proceeds) {
        EXPECT_TRUE(verdict.end_session) << code;
      }
    }
  }
}

TEST(SmtpVerdict, KeepsTheRemotesWords) {
  struct Row {
    WireReply reply;
    const char* enhanced;
    const char* text;
  };
  const Row rows[] = {
      {{550, {"5.1.1 no such user"}}, "5.1.1", "no such user"},
      {{550, {"5.7.26 blocked,", "5.7.26 see our page", ""}}, "5.7.26", "blocked, see our page"},
      {{550, {"no enhanced code"}}, "", "no enhanced code"},
      {{550, {"4.1.1 of another class"}}, "", "4.1.1 of another class"},
      {{550, {"5.1 short"}}, "", "5.1 short"},
      {{550, {"5.1.1.1 long"}}, "", "5.1.1.1 long"},
      {{550, {"5.1234.1 wide"}}, "", "5.1234.1 wide"},
      {{550, {"5.1."}}, "", "5.1."},
      {{550, {"5.1.1"}}, "5.1.1", ""},
      {{550, {""}}, "", ""},
      {{550, {std::string("a\x1b[0m\rb\0c", 9)}}, "", "a\\x1B[0m\\x0Db\\x00c"},
  };
  for (const auto& row : rows) {
    auto kept = kept_reply(row.reply, Kind::kPermanent);
    EXPECT_EQ(kept.code, 550);
    EXPECT_EQ(kept.enhanced, row.enhanced);
    EXPECT_EQ(kept.text, row.text);
  }
}

TEST(SmtpVerdict, BoundsTheRemotesWords) {
  WireReply reply{550, std::vector<std::string>(100, std::string(1024, '\x01'))};
  EXPECT_LE(kept_reply(reply, Kind::kPermanent).text.size(), mail::kMaxRemoteText);
}

TEST(SmtpVerdict, PrintsOneLine) {
  EXPECT_EQ(kept_reply({550, {"5.1.1 no such user"}}, Kind::kPermanent).line(), "550 5.1.1 no such user");
  EXPECT_EQ(kept_reply({250, {""}}, Kind::kAccepted).line(), "250");
  EXPECT_EQ(own_reply(Kind::kPermanent, "5.1.3", "no address").line(), "5.1.3 no address");
}

}  // namespace
}  // namespace mailstead::smtp
