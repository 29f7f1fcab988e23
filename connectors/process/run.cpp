#include "connectors/process/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>

#include "mail/escape.h"
#include "mail/units.h"

namespace mailstead::process {
namespace {

using connectors::Descriptor;
using Clock = std::chrono::steady_clock;
using End = Outcome::End;

constexpr std::chrono::milliseconds kSlice{250};         // how late a stop request may be seen
constexpr std::chrono::milliseconds kWithoutHandle{20};  // likewise the end, on an old kernel

// Writing to a program that does not read is an error here, not a signal. Those that were pending stay so.
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    ::sigemptyset(&broken_);
    ::sigaddset(&broken_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &broken_, &before_);
  }
  ~NoBrokenPipe() {
    const timespec now{};
    if (!was_pending_)
      while (::sigtimedwait(&broken_, nullptr, &now) < 0 && errno == EINTR) continue;
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;

 private:
  sigset_t broken_{}, before_{};
  bool was_pending_ = false;
};

struct Pipe {
  Descriptor reading, writing;
};

bool make_pipe(Pipe& made) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  made = {Descriptor(ends[0]), Descriptor(ends[1])};
  return true;
}

void never_wait(const Descriptor& descriptor) {
  ::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

class Run {
 public:
  explicit Run(const Request& request) : request_(request), until_(Clock::now() + request.limits.time) {}

  Outcome go() {
    if (!make_streams()) return not_started(errno, "cannot be started: no descriptors left");
    Child child(request_.program, their_input_.get(), their_output_.get(), their_errors_.get());
    if (child.error() != 0) return not_started(child.error(), child.trouble());
    their_input_.reset();
    their_output_.reset();
    their_errors_.reset();
    const NoBrokenPipe no_signal;
    while (!status_ && !ended_) step(child);
    // What it wrote before it ended; who still holds the other end of its output is not waited for.
    if (status_ && !ended_) drain();
    input_.reset();  // one that waits for its end is let go before it is waited for
    child.stop(ended_ ? request_.grace : std::chrono::milliseconds(0));
    return finished();
  }

 private:
  bool make_streams() {
    Pipe input, output, errors;
    if (request_.input) {
      if (!make_pipe(input)) return false;
      input_ = std::move(input.writing);
      their_input_ = std::move(input.reading);
      never_wait(input_);
    } else {
      their_input_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    if (!their_input_ || !make_pipe(output)) return false;
    output_ = std::move(output.reading);
    their_output_ = std::move(output.writing);
    never_wait(output_);
    if (request_.errors_to_ours) {
      their_errors_ = Descriptor(::fcntl(2, F_DUPFD_CLOEXEC, 3));
      return static_cast<bool>(their_errors_);
    }
    if (!make_pipe(errors)) return false;
    errors_ = std::move(errors.reading);
    their_errors_ = std::move(errors.writing);
    never_wait(errors_);
    return true;
  }

  Outcome not_started(int error, std::string trouble) {
    outcome_.end = End::kNotStarted;
    outcome_.number = error;
    outcome_.trouble = std::move(trouble);
    return std::move(outcome_);
  }

  void end_by(End end, std::string trouble) {
    ended_ = true;
    outcome_.end = end;
    outcome_.trouble = std::move(trouble);
  }

  void step(Child& child) {
    if (request_.stop.stop_requested()) return end_by(End::kStopped, "was stopped with us");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now());
    if (left.count() <= 0)
      return end_by(
          End::kTookTooLong,
          "took longer than " + mail::format_duration(std::chrono::ceil<std::chrono::seconds>(request_.limits.time)));
    // A negative descriptor is passed over.
    std::array<pollfd, 4> waited{{{input_.get(), POLLOUT, 0},
                                  {output_.get(), POLLIN, 0},
                                  {errors_.get(), POLLIN, 0},
                                  {child.handle(), POLLIN, 0}}};
    const auto slice = std::min(left, child.handle() >= 0 ? kSlice : kWithoutHandle);
    if (::poll(waited.data(), waited.size(), static_cast<int>(slice.count())) > 0) {
      if (waited[0].revents != 0) feed();
      if (waited[1].revents != 0) take_output();
      if (waited[2].revents != 0) take_errors();
    }
    status_ = child.wait_until(Clock::now());
  }

  // As much as it takes at once.
  void feed() {
    for (;;) {
      if (unwritten_.empty()) unwritten_ = request_.input();
      if (unwritten_.empty()) return input_.reset();
      const auto count = ::write(input_.get(), unwritten_.data(), unwritten_.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) return input_.reset();  // it does not want more
      unwritten_.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  // Whether something came; the descriptor is closed at the end.
  static std::string_view read_some(Descriptor& descriptor, std::span<char> buffer) {
    for (;;) {
      const auto got = ::read(descriptor.get(), buffer.data(), buffer.size());
      if (got > 0) return {buffer.data(), static_cast<std::size_t>(got)};
      if (got < 0 && errno == EINTR) continue;
      if (got == 0 || errno != EAGAIN) descriptor.reset();
      return {};
    }
  }

  bool take_output() {
    const std::string_view bytes = read_some(output_, buffer_);
    if (bytes.empty()) return false;
    const std::size_t room = request_.limits.output - written_;
    const std::string_view taken = bytes.substr(0, room);
    written_ += taken.size();
    if (request_.output)
      request_.output(taken);
    else
      outcome_.output.append(taken);
    if (taken.size() < bytes.size())
      end_by(End::kWroteTooMuch, "wrote more than " + mail::format_size(request_.limits.output));
    return !ended_;
  }

  // What is beyond the first words is read and forgotten: unread, it would stop the program one day.
  bool take_errors() {
    const std::string_view bytes = read_some(errors_, buffer_);
    said_.append(bytes.substr(0, kMaxSaid - std::min(said_.size(), kMaxSaid)));
    return !bytes.empty();
  }

  void drain() {
    while (output_ && take_output()) continue;
    for (int blocks = 0; blocks < 16 && errors_ && take_errors(); ++blocks) continue;
  }

  Outcome finished() {
    std::string_view words(said_);
    while (!words.empty() && (words.back() == '\n' || words.back() == '\r')) words.remove_suffix(1);
    outcome_.said = one_line(words);
    if (!ended_ && status_) {
      outcome_.end = WIFSIGNALED(*status_) ? End::kSignalled : End::kExited;
      outcome_.number = WIFSIGNALED(*status_) ? WTERMSIG(*status_) : WEXITSTATUS(*status_);
      outcome_.trouble = status_words(*status_);
    }
    return std::move(outcome_);
  }

  static std::string one_line(std::string_view words) {
    std::string joined;
    for (char c : words) {
      if (c == '\r') continue;
      if (c == '\n')
        joined += "; ";
      else
        joined += c == '\t' ? ' ' : c;
    }
    return mail::printable(joined, kMaxSaid);
  }

  const Request& request_;
  const Clock::time_point until_;
  Descriptor input_, output_, errors_, their_input_, their_output_, their_errors_;
  std::array<char, 64 * 1024> buffer_;
  std::string_view unwritten_;
  std::size_t written_ = 0;
  std::string said_;
  std::optional<int> status_;
  bool ended_ = false;  // by us
  Outcome outcome_;
};

}  // namespace

std::string Outcome::words() const {
  return said.empty() ? trouble : trouble + ": " + said;
}

Outcome run(const Request& request) {
  return std::make_unique<Run>(request)->go();
}

}  // namespace mailstead::process
