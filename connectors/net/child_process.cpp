#include "connectors/net/child_process.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <thread>

#include "connectors/descriptor.h"

extern char** environ;

namespace mailstead::net {
namespace {

constexpr std::chrono::milliseconds kLastGrace{300};

// Prefixes end in "*".
constexpr std::array<std::string_view, 21> kPassed{"HOME",
                                                   "PATH",
                                                   "USER",
                                                   "LOGNAME",
                                                   "SHELL",
                                                   "LANG",
                                                   "LANGUAGE",
                                                   "LC_*",
                                                   "TZ",
                                                   "TERM",
                                                   "TMPDIR",
                                                   "SSH_*",
                                                   "XDG_*",
                                                   "KRB5*",
                                                   "GNUPGHOME",
                                                   "GPG_*",
                                                   "DISPLAY",
                                                   "WAYLAND_DISPLAY",
                                                   "DBUS_SESSION_BUS_ADDRESS",
                                                   "XAUTHORITY",
                                                   "PWD"};

bool is_passed(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  return std::any_of(kPassed.begin(), kPassed.end(), [&](std::string_view one) {
    return one.ends_with('*') ? name.starts_with(one.substr(0, one.size() - 1)) : name == one;
  });
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& one : words) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Readable once the process has ended; -1 where the kernel has no such thing. (Debian 12's header for it is C only.)
int open_handle(pid_t process) {
  return static_cast<int>(::syscall(SYS_pidfd_open, process, 0U));
}

class Attributes {
 public:
  Attributes() {
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace

std::vector<std::string> program_environment() {
  std::vector<std::string> passed;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one)
    if (is_passed(*one)) passed.emplace_back(*one);
  return passed;
}

ChildProcess::ChildProcess(const std::vector<std::string>& command, int input, int output, int errors) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, 1);
  ::posix_spawn_file_actions_adddup2(&actions, errors, 2);
  const Attributes attributes;
  std::vector<std::string> words = command, variables = program_environment();
  std::vector<char*> arguments = pointers_to(words), environment = pointers_to(variables);
  error_ = ::posix_spawnp(&process_, arguments[0], &actions, attributes.get(), arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error_ != 0) process_ = -1;
}

ChildProcess::~ChildProcess() {
  end(kLastGrace);
}

std::optional<int> ChildProcess::wait_until(mail::SteadyTime time) {
  const connectors::Descriptor handle(process_ > 0 && !status_ ? open_handle(process_) : -1);
  while (process_ > 0 && !status_) {
    siginfo_t facts{};
    // Left to be reaped: until then nobody else can have its number, nor its group's.
    const int asked = ::waitid(P_PID, static_cast<id_t>(process_), &facts, WEXITED | WNOHANG | WNOWAIT);
    if (asked == 0 && facts.si_pid == process_) {
      status_ = facts.si_code == CLD_EXITED ? W_EXITCODE(facts.si_status, 0) : W_EXITCODE(0, facts.si_status);
      break;
    }
    if (asked != 0 && errno == ECHILD) {
      status_ = 0;  // SIGCHLD is ignored: it was not kept for us
      break;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    pollfd waited{handle.get(), POLLIN, 0};
    // Without a handle to wait on (an old kernel) in small steps.
    const auto slice = handle ? left : std::min(left, std::chrono::milliseconds(10));
    ::poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(slice.count(), 1000)));
  }
  return status_;
}

void ChildProcess::end(std::chrono::milliseconds grace) noexcept {
  if (process_ <= 0) return;
  try {
    if (!wait_until(std::chrono::steady_clock::now() + grace)) {
      ::kill(-process_, SIGTERM);
      (void)wait_until(std::chrono::steady_clock::now() + grace);
    }
  } catch (...) {
    // No memory: the signal below needs none.
  }
  ::kill(-process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
  process_ = -1;
}

std::string status_words(int status) {
  if (WIFSIGNALED(status)) return "ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace mailstead::net
