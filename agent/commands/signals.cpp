#include "agent/commands/signals.h"

#include <csignal>
#include <ctime>

namespace mailstead::agent {

namespace {

sigset_t waited_for() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGHUP, SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = waited_for();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int next_signal(std::chrono::milliseconds wait) {
  const sigset_t set = waited_for();
  const std::timespec time{wait.count() / 1000, wait.count() % 1000 * 1'000'000};
  const int signal = ::sigtimedwait(&set, nullptr, &time);
  return signal < 0 ? 0 : signal;
}

void let_second_signal_kill() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace mailstead::agent
