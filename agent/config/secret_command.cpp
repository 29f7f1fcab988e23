// A password from a program's output. Its standard input is empty, its standard error is ours; it sees our environment.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/config/secret_source.h"

#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

extern char** environ;

namespace mailstead::agent {
namespace {

using Clock = std::chrono::steady_clock;

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) fail_secret("no pipe can be made to a password command");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int reading() const noexcept { return ends_[0]; }
  [[nodiscard]] int writing() const noexcept { return ends_[1]; }
  void close_end(std::size_t which) noexcept {
    if (ends_[which] >= 0) ::close(ends_[which]);
    ends_[which] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// The child in a process group of its own; whatever is left of it is killed and reaped in the end.
class Child {
 public:
  Child(const std::vector<std::string>& command, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, 1);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<std::string> copies = command;
    std::vector<char*> arguments;
    for (std::string& one : copies) arguments.push_back(one.data());
    arguments.push_back(nullptr);
    error_ = ::posix_spawnp(&process_, arguments[0], &actions, &attributes, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error_ != 0) process_ = -1;
  }
  ~Child() {
    if (process_ <= 0) return;
    ::kill(-process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] int error() const noexcept { return error_; }
  // The wait status, or nothing when it still runs at `deadline`.
  [[nodiscard]] std::optional<int> wait_until(Clock::time_point deadline) {
    for (;;) {
      int status = 0;
      pid_t ended = ::waitpid(process_, &status, WNOHANG);
      // Without a child to wait for (SIGCHLD is ignored) it has ended, too.
      if (ended == process_ || (ended < 0 && errno == ECHILD)) {
        process_ = -1;
        return status;
      }
      if (Clock::now() >= deadline) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

 private:
  pid_t process_ = -1;
  int error_ = 0;
};

// Up to the end of the output; false when the time is up first.
bool read_output(int descriptor, Clock::time_point deadline, std::string& output) {
  std::array<char, 4096> buffer{};
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    ::pollfd entry{descriptor, POLLIN, 0};
    int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    output.append(buffer.data(), static_cast<std::size_t>(got));
    if (output.size() > kMaxSecretBytes) return true;
  }
}

}  // namespace

mail::Secret secret_of_command(const std::vector<std::string>& command, std::chrono::seconds time) {
  std::string name = "the password command " + in_quotes(command.front());
  auto deadline = Clock::now() + time;
  Pipe pipe;
  Child child(command, pipe.writing());
  if (child.error() != 0) fail_secret(name + " cannot be started: " + std::generic_category().message(child.error()));
  pipe.close_end(1);
  std::string output;
  bool ended = read_output(pipe.reading(), deadline, output);
  mail::Secret kept(std::move(output));  // wiped, whatever comes
  if (kept.reveal().size() > kMaxSecretBytes) fail_secret(name + " writes too much");
  auto status = ended ? child.wait_until(deadline) : std::nullopt;
  if (!status) fail_secret(name + " was stopped: it took longer than " + std::to_string(time.count()) + " s");
  if (!WIFEXITED(*status)) fail_secret(name + " ended by signal " + std::to_string(WTERMSIG(*status)));
  if (WEXITSTATUS(*status) != 0) fail_secret(name + " ended with status " + std::to_string(WEXITSTATUS(*status)));
  return first_line(std::string(kept.reveal()), name);
}

}  // namespace mailstead::agent
