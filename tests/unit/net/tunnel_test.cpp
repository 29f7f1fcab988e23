// A program as the connection: what it says is the stream, what it says on standard error explains its end.

#include "connectors/net/tunnel_stream.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <thread>

#include "connectors/net/dial.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;
using Clock = std::chrono::steady_clock;

Deadline soon() {
  return Deadline::in(10s);
}

Endpoint tunnel(std::vector<std::string> command) {
  Endpoint endpoint;
  endpoint.tls = TlsMode::kNone;
  endpoint.tunnel = std::move(command);
  return endpoint;
}
Endpoint script(const std::string& text) {
  return tunnel({"sh", "-c", text});
}

std::string read_line(Stream& stream, const Deadline& deadline = soon()) {
  std::string line;
  std::array<char, 1> octet;
  while (!line.ends_with('\n') && stream.read_some(octet, deadline) == 1) line += octet[0];
  return line;
}

TEST(Tunnel, CarriesBothWays) {
  auto stream = dial(tunnel({"cat"}), soon());
  stream->write_all("a NOOP\r\n", soon());
  EXPECT_EQ(read_line(*stream), "a NOOP\r\n");
  EXPECT_EQ(stream->peer(), "tunnel cat");
}

TEST(Tunnel, TakesItsArgumentsAsTheyAreAndFillsInHostAndPort) {
  auto endpoint = tunnel({"printf", "%%s|%%s|%%s|%%s\\n", "%h", "%p", "$HOME; *", "100%%"});
  endpoint.host = "imap.example.org";
  endpoint.port = 143;
  auto stream = dial(endpoint, soon());
  EXPECT_EQ(read_line(*stream), "imap.example.org|143|$HOME; *|100%\n");
}

TEST(Tunnel, SeesNoVariableThatMayHoldAPassword) {
  ::setenv("WORK_PASSWORD", "canary", 1);
  auto stream = dial(script("echo \"${WORK_PASSWORD-none} ${PATH:+path}\""), soon());
  EXPECT_EQ(read_line(*stream), "none path\n");
  ::unsetenv("WORK_PASSWORD");
}

struct End {
  const char* name;
  const char* script;
  std::string says;
};

TEST(Tunnel, ItsLastWordsExplainItsEnd) {
  for (const End& end : {End{"refused", "echo ssh: connect to host: Connection refused >&2; exit 255",
                             "tunnel sh ended with status 255: ssh: connect to host: Connection refused"},
                         {"after it spoke", "echo '* OK hello'; echo lost >&2; exit 1", "ended with status 1: lost"},
                         {"only the end", "seq 1 5000 >&2; exit 3", "status 3: 4998; 4999; 5000"},
                         {"escaped", "printf '\\033[2Jx\\007\\n' >&2; exit 1", "status 1: \\x1B[2Jx\\x07"},
                         {"silent", "exit 0", "tunnel sh ended with status 0"},
                         {"killed", "kill -9 $$", "ended by signal 9"}}) {
    auto stream = dial(script(end.script), soon());
    try {
      while (!read_line(*stream).empty()) continue;
      FAIL() << end.name;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kTemporary) << end.name;
      EXPECT_NE(failure.text().find(end.says), std::string::npos) << end.name << ": " << failure.text();
      EXPECT_LT(failure.text().size(), 2 * kMaxTunnelWords) << end.name;
    }
  }
}

TEST(Tunnel, AnEndInOrderIsOne) {
  auto stream = dial(script("echo '* BYE'; echo chatter >&2"), soon());
  EXPECT_EQ(read_line(*stream), "* BYE\n");
  EXPECT_EQ(read_line(*stream), "");
}

TEST(Tunnel, ManyWordsOnStandardErrorDoNotStopIt) {
  auto stream = dial(script("seq 1 100000 >&2; echo ready"), soon());
  EXPECT_EQ(read_line(*stream), "ready\n");
}

TEST(Tunnel, SaysWhatItCannotStart) {
  try {
    (void)dial(tunnel({"/nonexistent/ssh"}), soon());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kConfiguration);
    EXPECT_NE(failure.text().find("tunnel /nonexistent/ssh cannot be started: No such file"), std::string::npos)
        << failure.text();
  }
}

TEST(Tunnel, ASilentOneEndsAtTheDeadlineWithItsWords) {
  auto stream = dial(script("echo asking for a password >&2; exec sleep 60"), soon());
  std::array<char, 16> buffer;
  const auto begun = Clock::now();
  try {
    (void)stream->read_some(buffer, Deadline::in(400ms));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_NE(failure.text().find("no answer in time: asking for a password"), std::string::npos) << failure.text();
  }
  EXPECT_LT(Clock::now() - begun, 1400ms);
}

// Of a process that is init's to reap: gone, a zombie or dead, it runs no more.
bool runs(pid_t process) {
  FILE* file = std::fopen(("/proc/" + std::to_string(process) + "/stat").c_str(), "r");
  if (!file) return false;
  char state = 'X';
  const int read = std::fscanf(file, "%*d %*s %c", &state);
  std::fclose(file);
  return read == 1 && state != 'Z' && state != 'X';
}

TEST(Tunnel, EndsWithItsStreamAndTakesItsChildrenAlong) {
  // It ignores the end of its input and SIGTERM, and has a child that would live on.
  auto stream = dial(script("trap '' TERM; sleep 60 & echo $$ $!; while :; do wait; done"), soon());
  const std::string line = read_line(*stream);
  pid_t shell = 0, child = 0;
  ASSERT_EQ(std::sscanf(line.c_str(), "%d %d", &shell, &child), 2) << line;
  const auto begun = Clock::now();
  stream->close();
  EXPECT_LT(Clock::now() - begun, 2s);
  EXPECT_NE(::kill(shell, 0), 0) << "reaped";
  // It was killed, but dies when it is next scheduled.
  const auto limit = Clock::now() + 10s;
  while (runs(child) && Clock::now() < limit) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(runs(child));
}

TEST(Tunnel, OneThatEndsByItselfIsNotWaitedFor) {
  auto stream = dial(tunnel({"cat"}), soon());
  const auto begun = Clock::now();
  stream->close();
  EXPECT_LT(Clock::now() - begun, 250ms);
}

TEST(Tunnel, AStopRequestEndsAWait) {
  auto stream = dial(script("exec sleep 60"), soon());
  std::stop_source stop;
  stop.request_stop();
  std::array<char, 16> buffer;
  EXPECT_THROW((void)stream->read_some(buffer, Deadline::in(60s, stop.get_token())), Failure);
}

}  // namespace
}  // namespace mailstead::net
