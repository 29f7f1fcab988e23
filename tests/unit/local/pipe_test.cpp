#include "connectors/local/pipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "mail/failure.h"
#include "tests/support/destination_contract.h"
#include "tests/unit/local/scratch.h"

namespace mailstead::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using delivery::Reply;
using local::PipeSettings;
using ::testing::HasSubstr;
using Kind = Reply::Kind;

// An MDA as it should be: what is not whole has another name.
constexpr const char* kDeliver = R"(
set -e
f=$(mktemp "$0/tmp.XXXXXX")
cat > "$f"
mv "$f" "$0/new.$MAILSTEAD_DELIVERY"
)";

PipeSettings program(std::vector<std::string> command) {
  PipeSettings settings;
  settings.name = "mda";
  settings.program.command = std::move(command);
  return settings;
}

PipeSettings script(const std::string& text) {
  return program({"sh", "-c", text});
}

class PipeSubject {
 public:
  PipeSubject() : pipe_(local::make_pipe(program({"/bin/sh", "-c", kDeliver, scratch_.path().string()}))) {}
  const delivery::Destination& destination() { return *pipe_; }
  std::vector<std::string> recipients() { return {}; }
  std::vector<std::string> arrived() {
    std::vector<std::string> texts;
    for (const auto& entry : fs::directory_iterator(scratch_.path())) {
      if (!entry.path().filename().string().starts_with("new.")) continue;
      std::string text;
      for (char c : read_file(entry.path())) text.append(c == '\n' ? "\r\n" : std::string(1, c));
      texts.push_back(text);
    }
    return texts;
  }
  void break_it() { pipe_ = local::make_pipe(program({"/no/such/program"})); }

 private:
  Scratch scratch_;
  std::unique_ptr<delivery::Destination> pipe_;
};

class PipeWithRecipientsSubject : public PipeSubject {
 public:
  std::vector<std::string> recipients() { return {"alice", "bob@example.org"}; }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Pipe, DestinationContract, PipeSubject);
INSTANTIATE_TYPED_TEST_SUITE_P(PipeWithRecipients, DestinationContract, PipeWithRecipientsSubject);

delivery::Result deliver(const PipeSettings& settings, const delivery::Outgoing& message) {
  return local::make_pipe(settings)->open()->deliver(message, {});
}

Reply reply_of(const PipeSettings& settings, const std::string& text = "Subject: x\r\n\r\n") {
  auto result = deliver(settings, outgoing(text, {}));
  EXPECT_FALSE(result.failure) << result.failure->text();
  EXPECT_EQ(result.answers.size(), 1U);
  return result.answers.at(0).reply;
}

TEST(Pipe, UnderstandsTheExitStatuses) {
  struct Row {
    int status;
    Kind kind;
    const char* line;
  };
  const Row rows[] = {
      {0, Kind::kAccepted, "words"},
      {1, Kind::kPermanent, "5.3.0 the program ended with status 1: words"},
      {64, Kind::kPermanent, "5.3.0 the program ended with status 64 (wrong usage): words"},
      {65, Kind::kPermanent, "5.6.0 the program ended with status 65 (malformed message): words"},
      {67, Kind::kPermanent, "5.1.1 the program ended with status 67 (no such user): words"},
      {70, Kind::kPermanent, "5.3.0 the program ended with status 70 (internal error): words"},
      {71, Kind::kTemporary, "4.3.0 the program ended with status 71 (system error): words"},
      {73, Kind::kPermanent, "5.2.0 the program ended with status 73 (cannot create its output): words"},
      {74, Kind::kTemporary, "4.3.0 the program ended with status 74 (input or output error): words"},
      {75, Kind::kTemporary, "4.3.0 the program ended with status 75 (try again later): words"},
      {76, Kind::kPermanent, "5.5.0 the program ended with status 76 (protocol error): words"},
      {77, Kind::kPermanent, "5.7.0 the program ended with status 77 (not permitted): words"},
      {78, Kind::kPermanent, "5.3.5 the program ended with status 78 (configuration error): words"},
      {127, Kind::kPermanent, "5.3.0 the program ended with status 127: words"},
      {255, Kind::kPermanent, "5.3.0 the program ended with status 255: words"},
  };
  for (const Row& row : rows) {
    const Reply reply = reply_of(script("cat > /dev/null; echo words >&2; exit " + std::to_string(row.status)));
    EXPECT_EQ(reply.kind, row.kind) << row.status;
    EXPECT_EQ(reply.line(), row.line) << row.status;
  }
  for (int status = 1; status < 256; ++status) {
    const bool passes = status == 71 || status == 74 || status == 75;
    EXPECT_EQ(local::meaning_of_exit(status, false).kind, passes ? Kind::kTemporary : Kind::kPermanent) << status;
  }
}

TEST(Pipe, TakesWhatItPrintsForItsWordsToo) {
  EXPECT_EQ(reply_of(script("echo '451 4.2.2 over quota'; exit 75")).line(),
            "4.3.0 the program ended with status 75 (try again later): 451 4.2.2 over quota");
  EXPECT_EQ(reply_of(script("true")).line(), "taken by the program");
}

TEST(Pipe, TriesAgainAfterASignalATimeoutAndAFlood) {
  PipeSettings settings = script("kill -SEGV $$");
  EXPECT_EQ(reply_of(settings).line(), "4.3.0 the program ended by signal 11");
  EXPECT_EQ(reply_of(settings).kind, Kind::kTemporary);
  settings = script("exec sleep 100");
  settings.program.timeout = 1s;
  EXPECT_EQ(reply_of(settings).line(), "4.3.0 the program took longer than 1s");
  EXPECT_EQ(reply_of(script("exec yes")).line(), "4.3.0 the program wrote more than 16 MB: y");
}

TEST(Pipe, AShellThatFindsNoProgramRefusesNoMessage) {
  PipeSettings settings = program({"/no/such/program --deliver"});
  settings.program.shell = true;
  const Reply reply = reply_of(settings);
  EXPECT_EQ(reply.kind, Kind::kTemporary);
  EXPECT_THAT(reply.line(), HasSubstr("127 (the shell cannot run it)"));
}

TEST(Pipe, WhatCannotBeStartedIsForTheUserAndNoMessagesFault) {
  int asked = 0;
  delivery::Context context;
  context.before_commit = [&asked] { ++asked; };
  auto result = local::make_pipe(program({"no-such-program-of-ours"}))->open()->deliver(outgoing("x", {}), context);
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind(), mail::FailureKind::kConfiguration);
  EXPECT_EQ(result.failure->scope(), mail::FailureScope::kAccount);
  EXPECT_EQ(result.failure->text(), "there is no program no-such-program-of-ours that can be run");
  EXPECT_EQ(asked, 0);

  PipeSettings settings = script("true");
  settings.program.user = "no-such-user-of-ours";
  result = deliver(settings, outgoing("x", {}));
  ASSERT_TRUE(result.failure);
  EXPECT_THAT(result.failure->text(), HasSubstr("there is no user no-such-user-of-ours"));
}

class PipeInput : public ::testing::Test {
 protected:
  std::string got(std::string text) {
    EXPECT_EQ(reply_of(program({"sh", "-c", "cat > \"$0\"", path()}), text).kind, Kind::kAccepted);
    return read_file(path());
  }
  std::string path() const { return (scratch_.path() / "got").string(); }
  Scratch scratch_;
};

TEST_F(PipeInput, HasUnixLinesUnlessTheWayBackWouldBeLost) {
  EXPECT_EQ(got("a\r\nb\r\n"), "a\nb\n");
  EXPECT_EQ(got("a\r\nb\nc\r\n"), "a\r\nb\nc\r\n");
  EXPECT_EQ(got("From the start\r\n\r\n.\r\n"), "From the start\n\n.\n");
  EXPECT_EQ(got(std::string("n\0l\xff\r\n", 6)), std::string("n\0l\xff\n", 5));
  const std::string big(200'000, 'x');
  EXPECT_EQ(got(big + "\r\n" + big + "\r\n"), big + "\n" + big + "\n");
  EXPECT_EQ(got(big + "\r\n\n"), big + "\r\n\n");
  EXPECT_EQ(got(""), "");
}

TEST_F(PipeInput, IsFollowedByTheEnvelopeInEnvironmentAndArguments) {
  auto message = outgoing("x\r\n", {"alice", "bob@example.org"}, 17);
  message.sender = "s-${recipient}@example.org";
  message.answer_lost = true;
  const std::string text = "printf '%s|' \"$@\" > \"$0\"; env | grep ^MAILSTEAD | sort >> \"$0\"; umask >> \"$0\"";
  auto result = deliver(
      program({"sh", "-c", text, path(), "-f", "${sender}", "-d", "${recipient}", "--to=${recipient}"}), message);
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(read_file(path()),
            "-f|s-${recipient}@example.org|-d|alice|bob@example.org|--to=alice,bob@example.org|"
            "MAILSTEAD_AGAIN=1\nMAILSTEAD_DELIVERY=17\nMAILSTEAD_DESTINATION=mda\n"
            "MAILSTEAD_MESSAGE_ID=<17@example.org>\nMAILSTEAD_RECIPIENTS=alice,bob@example.org\n"
            "MAILSTEAD_SENDER=s-${recipient}@example.org\nMAILSTEAD_SIZE=3\n0077\n");
}

TEST(Pipe, LetsNoForeignAddressBeAnOption) {
  auto message = outgoing("x\r\n", {}, 1);
  message.sender = "-oQ/tmp@example.org";
  auto result = deliver(program({"true", "-f", "${sender}"}), message);
  ASSERT_EQ(result.answers.size(), 1U);
  EXPECT_EQ(result.answers[0].reply.kind, Kind::kPermanent);
  EXPECT_THAT(result.answers[0].reply.line(), HasSubstr("would be taken for an option"));
  EXPECT_EQ(deliver(program({"true", "-f${sender}"}), message).answers.at(0).reply.kind, Kind::kAccepted);
  EXPECT_EQ(deliver(program({"true"}), message).answers.at(0).reply.kind, Kind::kAccepted);
}

TEST(Pipe, ProbesWhatItWouldRun) {
  const auto facts = local::make_pipe(program({"sh", "-c", "exit 1"}))->probe({});
  ASSERT_FALSE(facts.lines.empty());
  EXPECT_EQ(facts.lines[0].first, "program");
  EXPECT_TRUE(facts.lines[0].second.ends_with("/sh"));
}

}  // namespace
}  // namespace mailstead::testing
