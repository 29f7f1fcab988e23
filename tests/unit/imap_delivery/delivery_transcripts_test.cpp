// Each file of tests/transcripts/imap_delivery is one test. "@in WORDS" stands for the greeting and a sign-in after
// which the server announces those capabilities. Lines that begin with "#!" say what the client is asked to do and what
// it must make of it:
//   #! folder NAME | label NAME | impatient   settings of the destination; time limits of 100 ms
//   #! whole                                  not to be played byte by byte: the server must be heard in one piece
//   #! deliver WORDS                          one message; its answer follows. Words: folder=NAME, flags=A,B, lost (an
//                                             earlier answer was), plain, traced (with Received), nul, utf8,
//                                             anonymous (no Message-ID), big, huge
//   #! answer KIND LINE                       accepted, temporary, permanent, lost; a glob
//   #! commits N                              how often before_commit was called for it; 1 without this line
//   #! failure KIND SCOPE                     of the delivery last begun; without it there must be none
#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/imap/delivery/imap_destination.h"
#include "tests/support/answer_words.h"
#include "tests/support/destination_contract.h"
#include "tests/support/scripted_peer.h"
#include "tests/support/transcript.h"

namespace mailstead::imap {
namespace {

struct Task {
  delivery::Outgoing message;
  std::string kind, line, failure;
  int commits = 1;
};
struct Plan {
  ImapDestinationSettings settings;
  std::vector<Task> tasks;
  bool whole = false, impatient = false;
};

std::string content_called(const std::string& name) {
  if (name == "nul") return std::string("Subject: x\r\n\r\na\0b\r\n", 19);
  if (name == "utf8") return "Subject: \xC3\xA9\r\n\r\nbody\r\n";
  if (name == "anonymous") return "Subject: none\r\n\r\nbody\r\n";
  if (name == "traced") return "Received: by a; x\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n";
  if (name == "big") return "Subject: big\r\n\r\n" + std::string(99'982, 'x') + "\r\n";  // 100,000 octets
  // 32,000,000 octets: more than fits between two sockets, so that nobody is done writing it before a break is seen.
  if (name == "huge") return "Subject: huge\r\n\r\n" + std::string(31'999'981, 'x') + "\r\n";
  return "Message-ID: <1@example.org>\r\n\r\nbody\r\n";
}

Task make_task(std::istringstream& words) {
  Task task;
  std::string text = content_called("plain"), id = "<1@example.org>";
  std::string folder;
  mail::Flags flags;
  bool lost = false;
  for (std::string word; words >> word;) {
    if (word.starts_with("folder=")) {
      folder = word.substr(7);
    } else if (word.starts_with("flags=")) {
      std::istringstream list(word.substr(6));
      for (std::string flag; std::getline(list, flag, ',');) flags.add(flag);
    } else if (word == "lost") {
      lost = true;
    } else {
      text = content_called(word);
      if (word != "plain" && word != "traced") id.clear();
    }
  }
  task.message = testing::outgoing(text, {});
  task.message.message_id = id;
  task.message.folder = folder;
  task.message.flags = flags;
  task.message.answer_lost = lost;
  return task;
}

std::string rest_of(std::istringstream& words) {
  std::string rest;
  std::getline(words >> std::ws, rest);
  return rest;
}

void read_directive(const std::string& text, Plan& plan) {
  std::istringstream words(text);
  std::string verb;
  words >> verb;
  if (verb == "deliver") return plan.tasks.push_back(make_task(words));
  if (verb == "folder") {
    plan.settings.folder = rest_of(words);
  } else if (verb == "label") {
    plan.settings.labels.push_back(rest_of(words));
  } else if (verb == "impatient") {
    plan.impatient = true;
  } else if (verb == "whole") {
    plan.whole = true;
  } else if (verb == "answer") {
    words >> plan.tasks.at(plan.tasks.size() - 1).kind;
    plan.tasks.back().line = rest_of(words);
  } else if (verb == "commits") {
    words >> plan.tasks.at(plan.tasks.size() - 1).commits;
  } else if (verb == "failure") {
    plan.tasks.at(plan.tasks.size() - 1).failure = rest_of(words);
  } else {
    ADD_FAILURE() << "unknown directive: " << text;
  }
}

// The plan, and the transcript with "@in" written out.
Plan read_plan(std::string& transcript) {
  Plan plan;
  std::istringstream lines(transcript);
  std::string played;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#! ")) read_directive(line.substr(3), plan);
    if (line.starts_with("@in")) {
      line =
          "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\nC: M1 AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\n"
          "S: M1 OK [CAPABILITY IMAP4rev1" +
          line.substr(3) + "] in";
    }
    played += line + "\n";
  }
  transcript = played;
  return plan;
}

void judge(const Task& task, const delivery::Result& result) {
  ASSERT_EQ(result.answers.size(), 1U);
  testing::expect_answer(result.answers[0], task.kind, task.line);
  testing::expect_failure(result, task.failure);
}

void play(const std::string& name, std::size_t chunk) {
  auto transcript = testing::load_transcript("imap_delivery/" + name + ".txt");
  auto plan = read_plan(transcript);
  if (plan.whole) chunk = 0;
  ASSERT_FALSE(plan.tasks.empty());
  testing::ScriptedPeer peer(transcript, {.chunk = chunk});
  plan.settings.endpoint = peer.endpoint();
  plan.settings.endpoint.tls = net::TlsMode::kNone;
  plan.settings.credentials.user = "alice";
  plan.settings.credentials.password = [] { return mail::Secret("secret"); };
  auto& timeouts = plan.settings.endpoint.timeouts;
  timeouts.command = timeouts.answer = std::chrono::seconds(plan.impatient ? 1 : 10);
  auto destination = make_imap_destination(plan.settings);
  auto transport = destination->open();
  for (const auto& task : plan.tasks) {
    int commits = 0;
    judge(task, transport->deliver(task.message, {{}, [&] { ++commits; }}));
    EXPECT_EQ(commits, task.commits);
  }
  transport->close();
  EXPECT_EQ(peer.finish(), "");
}

class ImapDeliveryTranscript : public ::testing::TestWithParam<std::string> {};

TEST_P(ImapDeliveryTranscript, IsFollowed) {
  play(GetParam(), 0);
}

TEST_P(ImapDeliveryTranscript, IsFollowedByteByByte) {
  play(GetParam(), 1);
}

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(MAILSTEAD_SOURCE_DIR "/tests/transcripts/imap_delivery"))
    found.push_back(entry.path().stem().string());
  std::sort(found.begin(), found.end());
  return found;
}

INSTANTIATE_TEST_SUITE_P(Client, ImapDeliveryTranscript, ::testing::ValuesIn(names()),
                         [](const ::testing::TestParamInfo<std::string>& file) { return file.param; });

}  // namespace
}  // namespace mailstead::imap
