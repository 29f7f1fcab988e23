// One program run to its end: fed from a source while its output is read, within limits of time and size.
//
// Whatever it leaves running in its process group is ended with it. Blocks at most Limits::time and two graces; a stop
// request ends it within a second. One run in one thread; several at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "connectors/process/child.h"

namespace mailstead::process {

inline constexpr std::size_t kMaxSaid = 512;                  // octets kept of what a program says on standard error
inline constexpr std::chrono::milliseconds kStopGrace{2000};  // between SIGTERM and SIGKILL

// The next bytes, empty at the end; a view lives until the next call. May throw: the program is killed then before it
// sees an end of its input, and the exception goes on.
using Source = std::function<std::string_view()>;
// Takes output as it comes. May throw, likewise.
using Sink = std::function<void(std::string_view)>;

struct Limits {
  std::chrono::milliseconds time{30'000};
  std::size_t output = 64 * 1024;
};

struct Request {
  Program program;
  Source input;                 // none: an empty standard input
  Sink output;                  // none: gathered in Outcome::output
  bool errors_to_ours = false;  // standard error is ours; Outcome::said stays empty
  Limits limits;
  std::chrono::milliseconds grace = kStopGrace;
  std::stop_token stop;
};

struct Outcome {
  enum class End { kExited, kSignalled, kTookTooLong, kWroteTooMuch, kStopped, kNotStarted };
  End end = End::kNotStarted;
  int number = 0;       // the exit status, signal or errno
  std::string output;   // at most Limits::output octets, the rest unread
  std::string said;     // its first words on standard error: one printable line, at most kMaxSaid octets
  std::string trouble;  // of kNotStarted and of limits: what happened, "took longer than 30 s"

  [[nodiscard]] bool exited_with(int status) const noexcept { return end == End::kExited && number == status; }
  // What happened and what it said, for people: "ended with status 1: no such list".
  [[nodiscard]] std::string words() const;
};

[[nodiscard]] Outcome run(const Request& request);

}  // namespace mailstead::process
