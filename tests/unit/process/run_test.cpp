#include "connectors/process/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "connectors/process/environment.h"
#include "mail/failure.h"

namespace mailstead::process {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using End = Outcome::End;
namespace fs = std::filesystem;

Request shell(const std::string& script) {
  Request request;
  request.program.command = {"sh", "-c", script};
  request.program.environment = clean_environment("/", {});
  request.grace = 200ms;
  return request;
}

// The text once, in pieces.
Source source_of(std::string text, std::size_t piece = 1000) {
  return [text = std::move(text), piece, at = std::size_t{0}]() mutable {
    const auto next = std::string_view(text).substr(at, piece);
    at += next.size();
    return next;
  };
}

// Waits until nobody has that number any more.
bool is_gone(pid_t process) {
  for (int i = 0; i < 500; ++i) {
    if (::kill(process, 0) != 0) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(Run, FeedsAndReadsMoreThanAnyPipeHolds) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += "line " + std::to_string(i) + '\n';
  Request request = shell("exec cat");
  request.input = source_of(text);
  request.limits.output = text.size();
  const Outcome outcome = run(request);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.words();
  EXPECT_EQ(outcome.output, text);
}

TEST(Run, ReadsOutputAndWordsWhileItFeeds) {
  // Each of the three streams alone would stop a program whose peer waits.
  Request request = shell("while read -r line; do echo \"$line\"; echo \"$line\" >&2; done");
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += "a line of some length\n";
  request.input = source_of(text);
  request.limits.output = text.size();
  const Outcome outcome = run(request);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.words();
  EXPECT_EQ(outcome.output.size(), text.size());
  EXPECT_LE(outcome.said.size(), kMaxSaid);
}

TEST(Run, TakesNoReadingForAnAnswerToo) {
  Request request = shell("exit 3");
  request.input = source_of(std::string(5'000'000, 'x'), 65536);
  const Outcome outcome = run(request);
  EXPECT_TRUE(outcome.exited_with(3)) << outcome.words();
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
}

TEST(Run, TellsStatusSignalAndItsFirstWordsPrintably) {
  Outcome outcome = run(shell("printf 'no \\033[31msuch\\r\\nuser\\n\\n' >&2; exit 67"));
  EXPECT_TRUE(outcome.exited_with(67));
  EXPECT_EQ(outcome.words(), "ended with status 67: no \\x1B[31msuch; user");
  outcome = run(shell("kill -USR1 $$"));
  EXPECT_EQ(outcome.end, End::kSignalled);
  EXPECT_EQ(outcome.number, SIGUSR1);
  EXPECT_EQ(outcome.words(), "ended by signal 10");
  EXPECT_TRUE(run(shell("head -c 100000 /dev/zero >&2")).exited_with(0));
}

TEST(Run, EndsTheWholeGroupOfWhatTakesTooLong) {
  Request request = shell("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; exec sleep 100' & wait; sleep 100");
  request.limits.time = 500ms;
  const auto begun = std::chrono::steady_clock::now();
  const Outcome outcome = run(request);
  EXPECT_EQ(outcome.end, End::kTookTooLong);
  EXPECT_EQ(outcome.words(), "took longer than 1s");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
  ASSERT_FALSE(outcome.output.empty());
  EXPECT_TRUE(is_gone(std::stoi(outcome.output)));
}

TEST(Run, LetsATermHandlerFinish) {
  Request request = shell("trap 'echo bye >&3; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
  const auto path = fs::temp_directory_path() / ("mailstead-term-" + std::to_string(::getpid()));
  request.program.command[2] = "exec 3> " + path.string() + "; " + request.program.command[2];
  request.limits.time = 700ms;
  request.grace = 5s;
  EXPECT_EQ(run(request).end, End::kTookTooLong);
  std::string said;
  std::ifstream(path) >> said;
  EXPECT_EQ(said, "bye");
  fs::remove(path);
}

TEST(Run, DoesNotWaitForWhatItLeavesBehind) {
  const auto begun = std::chrono::steady_clock::now();
  const Outcome outcome = run(shell("sleep 100 & echo $!"));
  EXPECT_TRUE(outcome.exited_with(0));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  ASSERT_FALSE(outcome.output.empty());
  EXPECT_TRUE(is_gone(std::stoi(outcome.output)));
}

TEST(Run, StopsWhatFloods) {
  Request request = shell("exec yes");
  request.limits.output = 100'000;
  Outcome outcome = run(request);
  EXPECT_EQ(outcome.end, End::kWroteTooMuch);
  EXPECT_EQ(outcome.output.size(), 100'000U);
  EXPECT_THAT(outcome.words(), HasSubstr("wrote more than"));
  // Exactly the limit is no flood.
  request = shell("head -c 100000 /dev/zero");
  request.limits.output = 100'000;
  EXPECT_TRUE(run(request).exited_with(0));
}

TEST(Run, EndsOnAStopRequest) {
  std::stop_source source;
  Request request = shell("exec sleep 100");
  request.stop = source.get_token();
  std::jthread stopper([&] {
    std::this_thread::sleep_for(100ms);
    source.request_stop();
  });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(run(request).end, End::kStopped);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
}

TEST(Run, KillsBeforeTheEndOfAnInputThatBreaks) {
  const auto path = fs::temp_directory_path() / ("mailstead-end-" + std::to_string(::getpid()));
  Request request = shell("cat > /dev/null; echo whole > " + path.string());
  int asked = 0;
  request.input = [&asked]() -> std::string_view {
    if (++asked > 3) throw std::runtime_error("the disk says no");
    return "some text\n";
  };
  EXPECT_THROW((void)run(request), std::runtime_error);
  EXPECT_FALSE(fs::exists(path));
}

TEST(Run, HandsOutputOnAsItComes) {
  Request request = shell("echo one; echo two");
  std::string taken;
  request.output = [&](std::string_view bytes) { taken += bytes; };
  const Outcome outcome = run(request);
  EXPECT_TRUE(outcome.exited_with(0));
  EXPECT_EQ(taken, "one\ntwo\n");
  EXPECT_EQ(outcome.output, "");
}

TEST(Run, SaysWhyItCannotBeStarted) {
  struct Row {
    const char *program, *words;
  };
  const Row rows[] = {{"no-such-program-of-ours", "cannot be started: No such file or directory"},
                      {"/no/such/program", "cannot be started: No such file or directory"},
                      {"/etc/passwd", "cannot be started: Permission denied"},
                      {"/tmp", "cannot be started: Permission denied"}};
  for (const Row& row : rows) {
    Request request = shell("");
    request.program.command = {row.program};
    const Outcome outcome = run(request);
    EXPECT_EQ(outcome.end, End::kNotStarted) << row.program;
    EXPECT_EQ(outcome.words(), row.words) << row.program;
  }
  Request request = shell("pwd");
  request.program.directory = "/no/such/directory";
  EXPECT_EQ(run(request).words(), "cannot be started in /no/such/directory: No such file or directory");
}

TEST(Run, GivesNothingOfOursButTheStreams) {
  // Two descriptors that would be handed on, were they not closed; one behind those that loops usually look at.
  const int leaking = ::dup(0), high = ::fcntl(0, F_DUPFD, 900);
  const mode_t before = ::umask(0);
  Request request = shell("ls -1 /proc/self/fd | sort -n | tr '\\n' ' '; umask; pwd; env | sort");
  request.program.umask = 077;
  request.program.directory = "/usr";
  request.program.environment = clean_environment("/home/somebody", {{"SENDER", "a@b\nX=y"}, {"RULE", ""}});
  ::setenv("MAILSTEAD_SECRET_OF_OURS", "x", 1);
  const Outcome outcome = run(request);
  ::unsetenv("MAILSTEAD_SECRET_OF_OURS");
  ::umask(before);
  ::close(leaking);
  ::close(high);
  ASSERT_TRUE(outcome.exited_with(0)) << outcome.words();
  // 3 is what ls reads the directory by.
  EXPECT_THAT(outcome.output, HasSubstr("0 1 2 3 0077\n/usr\n"));
  EXPECT_THAT(outcome.output, HasSubstr("\nHOME=/home/somebody\n"));
  EXPECT_THAT(outcome.output, HasSubstr("\nLANG=C.UTF-8\n"));
  EXPECT_THAT(outcome.output, HasSubstr("\nMAILSTEAD_SENDER=a@b\\x0AX=y\n"));
  EXPECT_THAT(outcome.output, HasSubstr("\nMAILSTEAD_RULE=\n"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("SECRET")));
  const std::string& all = outcome.output;
  // PATH, HOME, LANG, the two of ours; PWD and perhaps _ are the shell's.
  EXPECT_LE(std::count(all.begin() + static_cast<std::ptrdiff_t>(all.find("/usr\n")), all.end(), '='), 9);
}

TEST(Run, WorksWithoutStandardStreamsOfOurs) {
  // As a service whose standard input is closed: the pipes then have the numbers 0, 1 and 2 themselves.
  const int kept = ::fcntl(0, F_DUPFD_CLOEXEC, 100);
  ::close(0);
  Request request = shell("cat; echo words >&2");
  request.input = source_of("through\n");
  const Outcome outcome = run(request);
  ::dup2(kept, 0);
  ::close(kept);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.words();
  EXPECT_EQ(outcome.output, "through\n");
  EXPECT_EQ(outcome.said, "words");
}

TEST(Run, RunsSeveralAtOnce) {
  std::vector<std::jthread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&good, i] {
      for (int round = 0; round < 10; ++round) {
        Request request = shell("cat");
        const std::string text = "thread " + std::to_string(i);
        request.input = source_of(text);
        const Outcome outcome = run(request);
        if (outcome.exited_with(0) && outcome.output == text) ++good;
      }
    });
  threads.clear();
  EXPECT_EQ(good, 80);
}

TEST(Identity, IsFoundByNameAndChangedToByRootAlone) {
  EXPECT_EQ(identity_of("").user, ::geteuid());
  EXPECT_THROW((void)identity_of("no-such-user-of-ours"), mail::Failure);
  if (::geteuid() != 0) {
    try {
      (void)identity_of("root");
      FAIL() << "became root";
    } catch (const mail::Failure& failure) {
      EXPECT_EQ(failure.kind(), mail::FailureKind::kConfiguration);
      EXPECT_THAT(failure.text(), HasSubstr("only root can run a program as another user"));
    }
    // Whoever gets as far as to the kernel is refused there.
    Request request = shell("id -u");
    request.program.as = Identity{"nobody", "/", 65534, 65534, {65534}};
    EXPECT_EQ(run(request).words(), "cannot become the user nobody: Operation not permitted");
    return;
  }
  const Identity nobody = identity_of("nobody");
  Request request = shell("id -u; id -g; id -G; cat /etc/shadow || echo refused");
  request.program.as = nobody;
  const Outcome outcome = run(request);
  ASSERT_TRUE(outcome.exited_with(0)) << outcome.words();
  const std::string user = std::to_string(nobody.user), group = std::to_string(nobody.group);
  EXPECT_EQ(outcome.output, user + "\n" + group + "\n" + group + "\nrefused\n");
}

TEST(Environment, OfAUsersProgramHoldsNoSecretOfOurs) {
  ::setenv("IMAP_PASSWORD", "secret", 1);
  ::setenv("LC_TIME", "C", 1);
  const auto passed = users_environment();
  EXPECT_EQ(std::count(passed.begin(), passed.end(), "IMAP_PASSWORD=secret"), 0);
  EXPECT_EQ(std::count(passed.begin(), passed.end(), "LC_TIME=C"), 1);
  const auto whole = whole_environment();
  EXPECT_EQ(std::count(whole.begin(), whole.end(), "IMAP_PASSWORD=secret"), 1);
  ::unsetenv("IMAP_PASSWORD");
  ::unsetenv("LC_TIME");
}

}  // namespace
}  // namespace mailstead::process
