// A program that runs beside us, in a process group of its own, and does not outlive this object. No shell.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "connectors/descriptor.h"
#include "mail/clock.h"

namespace mailstead::process {

// Whom a program runs as (connectors/process/environment.h finds one by name).
struct Identity {
  std::string name, home;
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};

struct Program {
  std::vector<std::string> command;      // [0] is looked for in the PATH of `environment` unless it holds a "/"
  std::vector<std::string> environment;  // "NAME=value", all of it
  std::string directory;                 // "": ours
  std::optional<mode_t> umask;           // none: ours
  std::optional<Identity> as;            // none: ourselves
};

// Where command[0] is, or "" when there is no such program that may be run.
[[nodiscard]] std::string find_program(const Program& program);

class Child {
 public:
  // Starts the program with the descriptors as its standard input, output and error; they stay the caller's. It gets no
  // other descriptor of ours, and signals as a shell would set them. After a failure error() is its errno and trouble()
  // says what could not be done.
  Child(const Program& program, int input, int output, int errors);
  // end().
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] int error() const noexcept { return error_; }
  // "cannot be started: No such file or directory", "cannot become the user nobody: Operation not permitted".
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
  // Readable once it has ended; -1 where the kernel has no such thing.
  [[nodiscard]] int handle() const noexcept { return handle_.get(); }
  // The wait status once it has ended, or nothing when it still runs at that time.
  [[nodiscard]] std::optional<int> wait_until(mail::SteadyTime time);
  // Gives it and whatever is left of its group `grace` to end by itself, as long again after SIGTERM, then kills. Waits
  // at most a little over twice `grace`.
  void end(std::chrono::milliseconds grace) noexcept;
  // The same, with SIGTERM at once.
  void stop(std::chrono::milliseconds grace) noexcept;

 private:
  void start(const Program& program, int input, int output, int errors);
  void reap() noexcept;

  pid_t process_ = -1;
  int error_ = 0;
  std::string trouble_;
  connectors::Descriptor handle_;
  std::optional<int> status_;
};

// "ended with status 255", "ended by signal 9".
[[nodiscard]] std::string status_words(int status);

}  // namespace mailstead::process
