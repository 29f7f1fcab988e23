// A program that runs beside us, in a process group of its own, and does not outlive this object. No shell. Internal to
// the wires.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mail/clock.h"

namespace mailstead::net {

// What a program of the user's gets to see of our environment: enough to find its files, keys and words, none of what
// may hold a password of ours.
[[nodiscard]] std::vector<std::string> program_environment();

class ChildProcess {
 public:
  // Starts command[0] (looked for in PATH) with the descriptors as its standard input, output and error; they stay the
  // caller's. Signals are as a shell would set them. After a failure error() is its errno.
  ChildProcess(const std::vector<std::string>& command, int input, int output, int errors);
  // end().
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] int error() const noexcept { return error_; }
  // The wait status once it has ended, or nothing when it still runs at that time.
  [[nodiscard]] std::optional<int> wait_until(mail::SteadyTime time);
  // Gives it and whatever is left of its group `grace` to end by itself, as long again after SIGTERM, then kills. Waits
  // at most a little over twice `grace`.
  void end(std::chrono::milliseconds grace) noexcept;

 private:
  pid_t process_ = -1;
  int error_ = 0;
  std::optional<int> status_;
};

// "ended with status 255", "ended by signal 9".
[[nodiscard]] std::string status_words(int status);

}  // namespace mailstead::net
