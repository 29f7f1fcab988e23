// Each file of tests/transcripts/smtp_client is one test. Lines that begin with "#!" say what the client is asked to do
// and what it must make of it:
//   #! starttls | lmtp | impatient         settings: STARTTLS demanded, LMTP, time limits of 100 ms
//   #! whole                               not to be played byte by byte: the server must be heard in one piece
//   #! user NAME PASSWORD MECHANISM
//   #! to ADDRESS…                         deliver one message; its answers follow
//   #! answer KIND LINE                    accepted, temporary, permanent, lost; a glob
//   #! failure KIND SCOPE                  of the delivery last begun; without it there must be none
#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/smtp/relay.h"
#include "tests/support/answer_words.h"
#include "tests/support/destination_contract.h"
#include "tests/support/scripted_peer.h"
#include "tests/support/transcript.h"

namespace mailstead::smtp {
namespace {

struct Expected {
  std::string kind, line;
};
struct Task {
  std::vector<std::string> recipients;
  std::vector<Expected> answers;
  std::optional<std::string> failure;
};
struct Plan {
  RelaySettings settings;
  std::vector<Task> tasks;
  bool whole = false;
};

std::string rest_of(std::istringstream& words) {
  std::string rest;
  std::getline(words >> std::ws, rest);
  return rest;
}

void make_impatient(Timeouts& timeouts) {
  for (auto* wait : {&timeouts.greeting, &timeouts.hello, &timeouts.sign_in, &timeouts.mail, &timeouts.recipient,
                     &timeouts.data, &timeouts.block, &timeouts.final_dot, &timeouts.reset, &timeouts.quit}) {
    *wait = std::chrono::milliseconds(100);
  }
}

void read_directive(const std::string& text, Plan& plan) {
  std::istringstream words(text);
  std::string verb, first, second;
  words >> verb;
  if (verb == "starttls") {
    plan.settings.endpoint.tls = net::TlsMode::kStartTls;
  } else if (verb == "lmtp") {
    plan.settings.dialect = Dialect::kLmtp;
  } else if (verb == "impatient") {
    make_impatient(plan.settings.timeouts);
  } else if (verb == "whole") {
    plan.whole = true;
  } else if (verb == "user") {
    words >> plan.settings.credentials.user >> first >> plan.settings.credentials.mechanism;
    plan.settings.credentials.password = [first] { return mail::Secret(first); };
  } else if (verb == "to") {
    plan.tasks.emplace_back();
    while (words >> first) plan.tasks.back().recipients.push_back(first);
  } else if (verb == "answer") {
    words >> first;
    plan.tasks.at(plan.tasks.size() - 1).answers.push_back({first, rest_of(words)});
  } else if (verb == "failure") {
    words >> first >> second;
    plan.tasks.at(plan.tasks.size() - 1).failure = first + " " + second;
  } else {
    ADD_FAILURE() << "unknown directive: " << text;
  }
}

Plan read_plan(const std::string& transcript) {
  Plan plan;
  plan.settings.helo_name = "client.example.org";
  std::istringstream lines(transcript);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#! ")) read_directive(line.substr(3), plan);
  }
  return plan;
}

void judge(const Task& task, const delivery::Result& result) {
  ASSERT_EQ(result.answers.size(), task.answers.size());
  for (std::size_t i = 0; i < task.answers.size(); ++i)
    testing::expect_answer(result.answers[i], task.answers[i].kind, task.answers[i].line);
  testing::expect_failure(result, task.failure.value_or(""));
}

class SmtpTranscript : public ::testing::TestWithParam<std::string> {};

void play(const std::string& name, std::size_t chunk) {
  auto transcript = testing::load_transcript("smtp_client/" + name + ".txt");
  auto plan = read_plan(transcript);
  if (plan.whole && chunk != 0) GTEST_SKIP();
  testing::ScriptedPeer peer(transcript, {.chunk = chunk});
  auto tls = plan.settings.endpoint.tls == net::TlsMode::kStartTls ? net::TlsMode::kStartTls : net::TlsMode::kNone;
  plan.settings.endpoint = peer.endpoint();
  plan.settings.endpoint.tls = tls;
  auto relay = make_relay(plan.settings);
  auto transport = relay->open();
  for (const auto& task : plan.tasks) {
    auto message = testing::outgoing("Subject: x\r\n\r\n.dot\r\n", task.recipients);
    judge(task, transport->deliver(message, {}));
  }
  transport->close();
  EXPECT_EQ(peer.finish(), "");
}

TEST_P(SmtpTranscript, IsFollowed) {
  play(GetParam(), 0);
}

TEST_P(SmtpTranscript, IsFollowedByteByByte) {
  play(GetParam(), 1);
}

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(MAILSTEAD_SOURCE_DIR "/tests/transcripts/smtp_client")) {
    found.push_back(entry.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

INSTANTIATE_TEST_SUITE_P(Client, SmtpTranscript, ::testing::ValuesIn(names()),
                         [](const ::testing::TestParamInfo<std::string>& file) { return file.param; });

}  // namespace
}  // namespace mailstead::smtp
