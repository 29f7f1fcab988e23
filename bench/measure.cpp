// Runs a command to its end and prints what it took, as one JSON object on descriptor 3: wall time, processor time with
// that of its children (both by getrusage), peak resident memory, exit status.
//
//     measure SECONDS COMMAND ARGUMENT…       killed after so many seconds
//
// A program of its own because the kernel counts what a process occupied before its exec as its peak, and that would be
// the Python that drives the measuring; this one is small.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

pid_t child = -1;

void kill_child(int) {
  if (child > 0) ::kill(child, SIGKILL);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: measure SECONDS COMMAND ARGUMENT...\n", stderr);
    return 2;
  }
  std::signal(SIGALRM, kill_child);
  const auto begin = std::chrono::steady_clock::now();
  child = ::vfork();
  if (child == 0) {
    ::close(3);
    ::execvp(argv[2], argv + 2);
    ::_exit(127);
  }
  ::alarm(static_cast<unsigned>(std::atoi(argv[1])));
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0) {
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ::dprintf(3, "{\"status\": %d, \"wall\": %.6f, \"cpu\": %.6f, \"rss\": %ld}\n", code, wall.count(),
            seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss * 1024);
  return 0;
}
