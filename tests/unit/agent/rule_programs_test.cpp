// Programs of rules, run for real on what an intake takes.
#include "agent/pipeline/rule_programs.h"

#include "agent/pipeline/intake.h"
#include "mail/failure.h"
#include "tests/unit/agent/world.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <thread>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kMessage =
    "Return-Path: <bob@example.net>\r\nSubject: hello\r\nMessage-ID: <1@example.net>\r\n\r\nbody\r\n";

class RuleProgramsTest : public World {
 protected:
  void rules(const std::string& written) {
    configure(R"("accounts": {"work": {"protocol": "imap", "host": "h", "user": "u", "password": {"env": "P"}}},
                 "destinations": {"home": {"type": "mailbox", "user": "me"}},
                 "rules": )" +
              written);
  }
  // A text for the shell that works in `directory`.
  std::string in_directory(const std::string& script) const { return "cd " + directory + " && " + script; }
  std::string read(const std::string& name) const {
    std::ifstream file(directory + "/" + name, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void take(Intake& into, const std::string& bytes) {
    retrieval::Incoming incoming;
    incoming.source = {"work", "INBOX", 7, ++uid_, ""};
    incoming.internal_date = clock.now;
    into.begin(incoming);
    into.append(bytes);
    into.end();
  }
  void take_one(const std::string& bytes) {
    Intake into(*store, config, config->accounts.at("work"), clock);
    take(into, bytes);
    into.flush();
  }
  std::vector<std::string> history(const std::string& message_id = "<1@example.net>") {
    std::vector<std::string> told;
    for (const auto& message : store->history().by_message_id(message_id))
      for (const auto& event : message.events)
        if (event.kind == "rule") told.push_back(event.text);
    return told;
  }

 private:
  storage::Uid uid_ = 0;
};

TEST_F(RuleProgramsTest, ATestSeesTheMessageWithUnixLinesAndItsEnvelope) {
  rules(R"([{"name": "r", "if": {"command": ")" +
        in_directory("cat > seen; env | grep ^MAILSTEAD_ | sort > variables; grep -q ^body$ seen") +
        R"(", "shell": true}, "then": [{"deliver": "home", "folder": "Matched"}]}])");
  take_one(kMessage);
  EXPECT_THAT(bodies("Matched"), ElementsAre(kMessage));
  EXPECT_EQ(read("seen"), "Return-Path: <bob@example.net>\nSubject: hello\nMessage-ID: <1@example.net>\n\nbody\n");
  EXPECT_EQ(read("variables"),
            "MAILSTEAD_ACCOUNT=work\nMAILSTEAD_FOLDER=INBOX\nMAILSTEAD_MESSAGE_ID=<1@example.net>\n"
            "MAILSTEAD_RECIPIENTS=\nMAILSTEAD_SENDER=bob@example.net\nMAILSTEAD_SIZE=" +
                std::to_string(kMessage.size()) + "\n");
}

TEST_F(RuleProgramsTest, AFilterMakesAnotherMessageAndTheOneAsReceivedIsKeptWhereItWasDeliveredBefore) {
  rules(R"([{"name": "r", "then": [{"deliver": "home", "folder": "Before"},
            {"filter": ["sed", "-e", "1i From filter@localhost Sat Nov 28 00:00:00 2026", "-e", "s/hello/filtered/"]},
            {"add_header": {"X-After": "yes"}}, {"deliver": "home"}]}])");
  take_one(kMessage);
  EXPECT_THAT(bodies("Before"), ElementsAre(kMessage));
  EXPECT_THAT(bodies("INBOX"), ElementsAre("X-After: yes\r\nReturn-Path: <bob@example.net>\r\nSubject: filtered\r\n"
                                           "Message-ID: <1@example.net>\r\n\r\nbody\r\n"));
  EXPECT_THAT(history(), Contains(HasSubstr("rule \"r\": filter \"sed -e")));
}

TEST_F(RuleProgramsTest, AFilterThatFailsChangesNothingAndIsTold) {
  struct Row {
    const char *filter, *told;
  };
  const Row rows[] = {
      {R"({"filter": ["sh", "-c", "cat; echo no luck >&2; exit 9"]})", "ended with status 9: no luck"},
      {R"({"filter": ["no-such-program-of-ours"]})", "cannot be run: there is no program no-such-program-of-ours"},
      {R"({"filter": ["sh", "-c", "cat; sleep 100"], "timeout": "1s"})", "took longer than 1s"},
      {R"({"filter": ["true"]})", "wrote nothing"},
      {R"({"filter": ["echo", "done"]})", "wrote no message"},
      {R"({"filter": ["yes", "X-Flood: yes"]})", "wrote more than"},
      {R"({"filter": ["sh", "-c", "kill -9 $$"]})", "ended by signal 9"},
  };
  int number = 1;
  for (const Row& row : rows) {
    rules(R"([{"name": "r", "then": [)" + std::string(row.filter) + R"(, {"deliver": "home", "folder": "F)" +
          std::to_string(++number) + R"("}]}])");
    const std::string id = "<" + std::to_string(number) + "@x>";
    const std::string message = "Subject: " + id + "\r\nMessage-ID: " + id + "\r\n\r\n";
    take_one(message);
    EXPECT_THAT(bodies("F" + std::to_string(number)), ElementsAre(message)) << row.filter;
    EXPECT_THAT(history(id), Contains(testing::AllOf(HasSubstr(row.told), HasSubstr("the message stays as it was"))))
        << row.filter;
  }
}

TEST_F(RuleProgramsTest, AMessageThatWaitsIsAcceptedOnceThereIsAnAnswer) {
  rules(R"([{"name": "r", "if": {"command": ")" + in_directory("[ -e ready ] || kill -9 $$") +
        R"(", "shell": true}, "on_error": "retry", "then": [{"deliver": "home", "folder": "Matched"}]}])");
  Intake into(*store, config, config->accounts.at("work"), clock);
  try {
    take(into, kMessage);
    FAIL() << "it was accepted";
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.scope(), mail::FailureScope::kMessage);
    EXPECT_THAT(failure.text(), HasSubstr("ended by signal 9; the message waits on its server"));
  }
  into.flush();
  EXPECT_THAT(into.take_durable(), IsEmpty());
  EXPECT_THAT(history(), IsEmpty());
  std::ofstream(directory + "/ready").put('\n');
  take(into, kMessage);
  into.flush();
  EXPECT_THAT(bodies("Matched"), ElementsAre(kMessage));
}

TEST_F(RuleProgramsTest, AFiltersLargeOutputIsTakenWhole) {
  rules(R"([{"name": "r", "then": [{"filter": ["cat"]}, {"deliver": "home"}]}])");
  std::string message = "Subject: big\r\n\r\n";
  for (int i = 0; i < 100'000; ++i) message += "line " + std::to_string(i) + "\r\n";
  take_one(message);
  // With an LF of its own it goes through the filter octet by octet.
  const std::string mixed = message + "another\n\r\n\n";
  take_one(mixed);
  const auto kept = bodies("INBOX");
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_TRUE(kept[0] == message);
  EXPECT_TRUE(kept[1] == mixed);
}

TEST_F(RuleProgramsTest, RunsAProgramOnceForEachAcceptedMessageAndTellsTheEnd) {
  rules(R"([{"name": "r", "then": [{"add_header": {"X-Rule": "r"}}, {"run": ")" +
        in_directory("cat >> got; echo $MAILSTEAD_RULE >> got") +
        R"(", "shell": true}, {"run": ["sh", "-c", "echo no >&2; exit 4"]}]}])");
  {
    Intake into(*store, config, config->accounts.at("work"), clock);
    take(into, kMessage);
    take(into, "Received: by elsewhere\r\n" + kMessage);  // a duplicate
    into.flush();
    EXPECT_EQ(into.counts().duplicates, 1U);
  }
  EXPECT_THAT(bodies("INBOX"), ElementsAre("X-Rule: r\r\n" + kMessage));
  EXPECT_EQ(read("got"),
            "X-Rule: r\nReturn-Path: <bob@example.net>\nSubject: hello\nMessage-ID: <1@example.net>\n\nbody\nr\n");
  EXPECT_THAT(history(), Contains(HasSubstr("ended with status 0")));
  EXPECT_THAT(history(), Contains(HasSubstr("failed: ended with status 4: no")));
}

TEST_F(RuleProgramsTest, WhatIsDueIsRunWhenThePollEndsWithoutAFlush) {
  rules(R"([{"name": "r", "then": [{"run": ")" + in_directory("cat > got") + R"(", "shell": true}]}])");
  {
    Intake into(*store, config, config->accounts.at("work"), clock);
    take(into, kMessage);
  }
  EXPECT_THAT(read("got"), HasSubstr("Subject: hello\n"));
}

TEST_F(RuleProgramsTest, SavesAttachmentsOfAcceptedMessagesDecoded) {
  rules(R"([{"name": "r", "continue": true, "then": [{"save_attachments": ")" + directory + R"(", "folder": "files"},
            {"save_attachments": "/no/such/parent/of/ours"}]}])");
  const std::string message =
      "Subject: files\r\nMessage-ID: <1@example.net>\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
      "Content-Type: text/plain; charset=iso-8859-1; name=\"../a.txt\"\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n"
      "\r\n=E4\r\n--x\r\nContent-Disposition: attachment; filename=b.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
      "AAEC\r\n--x--\r\n";
  {
    Intake into(*store, config, config->accounts.at("work"), clock);
    take(into, message);
    take(into, "Received: by elsewhere\r\n" + message);  // a duplicate
    into.flush();
  }
  EXPECT_THAT(bodies("INBOX"), ElementsAre(message));
  EXPECT_EQ(read("files/a.txt"), "\xE4");  // the octets, in the charset they are in
  EXPECT_EQ(read("files/b.bin"), std::string("\0\1\2", 3));
  EXPECT_EQ(read("files/a (2).txt"), "");
  EXPECT_THAT(history(),
              Contains(HasSubstr("save attachments: " + directory + "/files/a.txt, " + directory + "/files/b.bin")));
  EXPECT_THAT(history(), Contains(HasSubstr("save attachments failed: a.txt: /no/such/parent/of/ours: cannot")));
}

TEST_F(RuleProgramsTest, AStopRequestEndsAProgramAndTheMessageIsNotAccepted) {
  rules(R"([{"name": "r", "if": {"command": ["sleep", "100"]}, "then": [{"stop": true}]}])");
  std::stop_source stop;
  Intake into(*store, config, config->accounts.at("work"), clock, {nullptr, nullptr, stop.get_token()});
  std::jthread stopper([&stop] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  try {
    take(into, kMessage);
    FAIL() << "was taken";
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.kind(), mail::FailureKind::kCancelled);
  }
  into.abort();
  into.flush();
  EXPECT_THAT(bodies("INBOX"), IsEmpty());
}

}  // namespace
}  // namespace mailstead::agent
