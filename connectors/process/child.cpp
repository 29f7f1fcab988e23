#include "connectors/process/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "connectors/process/environment.h"

namespace mailstead::process {
namespace {

using connectors::Descriptor;

constexpr std::chrono::milliseconds kLastGrace{300};
// Of an end that nobody saw: EX_TEMPFAIL of sysexits.h, since what the program was to do may not have been done.
constexpr int kUnknown = W_EXITCODE(75, 0);
constexpr unsigned kCloseOnExec = 1U << 2U;  // CLOSE_RANGE_CLOEXEC, which older headers lack

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& one : words) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  return pointers;
}

enum class Step : int { kDescriptors, kUser, kDirectory, kProgram };
struct Refusal {
  Step step = Step::kProgram;
  int error = 0;
};

std::string trouble_of(const Refusal& refusal, const Program& program) {
  const std::string why = ": " + std::generic_category().message(refusal.error);
  switch (refusal.step) {
    case Step::kUser: return "cannot become the user " + program.as->name + why;
    case Step::kDirectory: return "cannot be started in " + program.directory + why;
    case Step::kDescriptors:
    case Step::kProgram: break;
  }
  return "cannot be started" + why;
}

// All that the child needs, made before the fork: behind it no memory may be asked for, since another thread may have
// held the allocator's locks.
struct Prepared {
  std::vector<std::string> words, variables;
  std::vector<char*> arguments, environment;
  std::string path;
  const Program* program = nullptr;
  std::array<int, 3> streams{};
  int report = -1;
  long most_descriptors = 0;
};

// From here to the end of run_child(): in the child, system calls only.
[[noreturn]] void refuse(int report, Step step) {
  const Refusal refusal{step, errno};
  (void)!::write(report, &refusal, sizeof refusal);
  ::_exit(127);
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);  // some refuse
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_others(const Prepared& prepared) {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, 3U, ~0U, kCloseOnExec) == 0) return;
#endif
  for (long number = 3; number < prepared.most_descriptors; ++number)
    ::fcntl(static_cast<int>(number), F_SETFD, FD_CLOEXEC);
}

// The calls of the kernel: those of the C library would tell threads that are not there.
bool become(const Identity& who) {
  return ::syscall(SYS_setgroups, who.groups.size(), who.groups.data()) == 0 &&
         ::syscall(SYS_setresgid, who.group, who.group, who.group) == 0 &&
         ::syscall(SYS_setresuid, who.user, who.user, who.user) == 0;
}

[[noreturn]] void run_child(const Prepared& prepared) {
  // A session of its own: no terminal of ours to type into.
  ::setsid();
  reset_signals();
  // A service may hold some for its ports.
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Out of the way of 0, 1 and 2, which are free where we were started without them.
  const int report = ::fcntl(prepared.report, F_DUPFD_CLOEXEC, 3);
  std::array<int, 3> streams{};
  for (std::size_t i = 0; i < streams.size(); ++i) streams[i] = ::fcntl(prepared.streams[i], F_DUPFD_CLOEXEC, 3);
  for (std::size_t i = 0; i < streams.size(); ++i)
    if (::dup2(streams[i], static_cast<int>(i)) < 0) refuse(report, Step::kDescriptors);
  close_others(prepared);
  const Program& program = *prepared.program;
  if (program.umask) ::umask(*program.umask);
  if (program.as && !become(*program.as)) refuse(report, Step::kUser);
  if (!program.directory.empty() && ::chdir(program.directory.c_str()) != 0) refuse(report, Step::kDirectory);
  ::execve(prepared.path.c_str(), prepared.arguments.data(), prepared.environment.data());
  refuse(report, Step::kProgram);
}

pid_t fork_with_signals_blocked(const Prepared& prepared) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // none of our handlers runs in the child
  const pid_t process = ::fork();
  if (process == 0) run_child(prepared);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return process;
}

std::string_view path_of(const Program& program) {
  for (std::string_view variable : program.environment)
    if (variable.starts_with("PATH=")) return variable.substr(5);
  return kUsualPath;
}

bool may_be_run(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string find_program(const Program& program) {
  const std::string& name = program.command.front();
  if (name.find('/') != std::string::npos) {
    const bool is_relative = name.front() != '/' && !program.directory.empty();
    return may_be_run(is_relative ? program.directory + "/" + name : name) ? name : "";
  }
  std::string_view rest = path_of(program);
  while (!rest.empty()) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    if (directory.empty()) continue;  // would be the working directory
    std::string path = std::string(directory) + "/" + name;
    if (!name.empty() && may_be_run(path)) return path;
  }
  return "";
}

Child::Child(const Program& program, int input, int output, int errors) {
  start(program, input, output, errors);
}

void Child::start(const Program& program, int input, int output, int errors) {
  Prepared prepared;
  prepared.program = &program;
  prepared.path = find_program(program);
  if (prepared.path.empty()) {
    // What has a "/" is asked of the kernel, which knows why.
    const std::string& name = program.command.front();
    prepared.path = name.find('/') != std::string::npos ? name : "/nonexistent/" + name;
  }
  prepared.words = program.command;
  prepared.variables = program.environment;
  prepared.arguments = pointers_to(prepared.words);
  prepared.environment = pointers_to(prepared.variables);
  prepared.streams = {input, output, errors};
  prepared.most_descriptors = std::clamp(::sysconf(_SC_OPEN_MAX), 256L, 65536L);
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) {
    error_ = errno;
    trouble_ = trouble_of({Step::kDescriptors, error_}, program);
    return;
  }
  const Descriptor reading(report[0]);
  Descriptor writing(report[1]);
  prepared.report = writing.get();
  process_ = fork_with_signals_blocked(prepared);
  Refusal refusal{Step::kDescriptors, errno};
  writing.reset();
  if (process_ > 0) {
    ssize_t got = 0;
    while ((got = ::read(reading.get(), &refusal, sizeof refusal)) < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof refusal)) {
      handle_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0U)));
      return;
    }
    reap();
  }
  process_ = -1;
  error_ = refusal.error;
  trouble_ = trouble_of(refusal, program);
}

Child::~Child() {
  end(kLastGrace);
}

std::optional<int> Child::wait_until(mail::SteadyTime time) {
  while (process_ > 0 && !status_) {
    siginfo_t facts{};
    // Left to be reaped: until then nobody else can have its number, nor its group's.
    const int asked = ::waitid(P_PID, static_cast<id_t>(process_), &facts, WEXITED | WNOHANG | WNOWAIT);
    if (asked == 0 && facts.si_pid == process_) {
      status_ = facts.si_code == CLD_EXITED ? W_EXITCODE(facts.si_status, 0) : W_EXITCODE(0, facts.si_status);
      break;
    }
    if (asked != 0 && errno == ECHILD) {
      status_ = kUnknown;  // SIGCHLD is ignored: it was not kept for us
      break;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    pollfd waited{handle_.get(), POLLIN, 0};
    // Without a handle to wait on (an old kernel) in small steps.
    const auto slice = handle_ ? left : std::min(left, std::chrono::milliseconds(10));
    ::poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(slice.count(), 1000)));
  }
  return status_;
}

void Child::reap() noexcept {
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
  process_ = -1;
}

void Child::end(std::chrono::milliseconds grace) noexcept {
  if (process_ <= 0) return;
  try {
    if (wait_until(std::chrono::steady_clock::now() + grace)) grace = {};
  } catch (...) {
    // No memory: the signals below need none.
  }
  stop(grace);
}

void Child::stop(std::chrono::milliseconds grace) noexcept {
  if (process_ <= 0) return;
  try {
    if (!wait_until(std::chrono::steady_clock::now())) {
      ::kill(-process_, SIGTERM);
      (void)wait_until(std::chrono::steady_clock::now() + grace);
    }
  } catch (...) {
    // As above.
  }
  ::kill(-process_, SIGKILL);
  reap();
}

std::string status_words(int status) {
  if (WIFSIGNALED(status)) return "ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace mailstead::process
