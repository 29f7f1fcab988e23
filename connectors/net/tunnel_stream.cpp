#include "connectors/net/tunnel_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "connectors/process/environment.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using connectors::Descriptor;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::chrono::milliseconds kWaitSlice{250};
constexpr std::chrono::milliseconds kEndGrace{300};  // for the program to notice that the connection has ended
constexpr std::size_t kMaxSaid = 4096;
constexpr std::size_t kLastLines = 3;

std::vector<std::string> command_of(const Endpoint& endpoint) {
  std::vector<std::string> command;
  for (const std::string& one : endpoint.tunnel) command.push_back(tunnel_argument(one, endpoint));
  return command;
}

}  // namespace

std::string tunnel_argument(const std::string& argument, const Endpoint& endpoint) {
  std::string result;
  for (std::size_t i = 0; i < argument.size(); ++i) {
    const char next = argument[i] == '%' && i + 1 < argument.size() ? argument[i + 1] : '\0';
    if (next != 'h' && next != 'p' && next != '%') {
      result += argument[i];
      continue;
    }
    result += next == 'h' ? endpoint.host : next == 'p' ? std::to_string(endpoint.port) : "%";
    ++i;
  }
  return result;
}

std::unique_ptr<TunnelStream> TunnelStream::start(const Endpoint& endpoint) {
  const std::string name = endpoint.place();
  std::array<int, 2> ends{}, errors{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, name + ": no descriptors left");
  Descriptor ours(ends[0]), theirs(ends[1]);
  if (::pipe2(errors.data(), O_CLOEXEC) != 0)
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, name + ": no descriptors left");
  Descriptor our_errors(errors[0]), their_errors(errors[1]);
  ::fcntl(our_errors.get(), F_SETFL, O_NONBLOCK);
  process::Program program;
  program.command = command_of(endpoint);
  program.environment = process::users_environment();
  auto child = std::make_unique<process::Child>(program, theirs.get(), theirs.get(), their_errors.get());
  if (child->error() != 0)
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount, name + " " + child->trouble());
  return std::unique_ptr<TunnelStream>(new TunnelStream(name, ours.release(), std::move(our_errors), std::move(child)));
}

TunnelStream::TunnelStream(std::string name, int descriptor, Descriptor errors, std::unique_ptr<process::Child> child)
    : SocketStream(descriptor, std::move(name)), errors_(std::move(errors)), child_(std::move(child)) {}

TunnelStream::~TunnelStream() {
  close();
}

std::size_t TunnelStream::read_some(std::span<char> into, const Deadline& deadline) {
  const std::size_t got = SocketStream::read_some(into, deadline);
  if (got == 0)
    judge_end();
  else
    spoke_ = true;
  return got;
}

// What it says on standard error is read while we wait: unread, it would stop the program one day.
void TunnelStream::wait_for(const TryResult& result, const Deadline& deadline) {
  const short events = result.state == TryResult::State::kWantsWrite ? POLLOUT : POLLIN;
  for (;;) {
    listen();
    try {
      check_deadline(deadline, peer());
    } catch (const Failure& failure) {
      throw Failure(failure.kind(), failure.scope(), failure.text() + last_words());
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.at - std::chrono::steady_clock::now());
    std::array<pollfd, 2> waited{{{descriptor(), events, 0}, {errors_.get(), POLLIN, 0}}};
    const auto slice = std::clamp(left, std::chrono::milliseconds(0), kWaitSlice);
    if (::poll(waited.data(), waited.size(), static_cast<int>(slice.count())) > 0 && waited[0].revents != 0) return;
  }
}

void TunnelStream::listen() {
  std::array<char, 4096> chunk;
  while (errors_) {
    const auto got = ::read(errors_.get(), chunk.data(), chunk.size());
    if (got > 0) {
      said_.append(chunk.data(), static_cast<std::size_t>(got));
      if (said_.size() > kMaxSaid) said_.erase(0, said_.size() - kMaxSaid);
    } else if (got == 0) {
      errors_.reset();
    } else if (errno != EINTR) {
      return;
    }
  }
}

// ": words; words", or "".
std::string TunnelStream::last_words() const {
  std::string words;
  std::string_view rest(said_);
  for (std::size_t lines = 0; lines < kLastLines && !rest.empty();) {
    const auto end = rest.find_last_not_of("\r\n");
    if (end == std::string_view::npos) break;
    rest = rest.substr(0, end + 1);
    const auto begin = rest.find_last_of("\r\n") + 1;  // npos + 1 is 0
    words = mail::printable(rest.substr(begin), kMaxTunnelWords / kLastLines) + (words.empty() ? "" : "; " + words);
    rest = rest.substr(0, begin);
    ++lines;
  }
  return words.empty() ? words : ": " + words;
}

void TunnelStream::judge_end() {
  std::string end = "closed the connection";
  bool well = true;
  if (child_) {
    if (const auto status = child_->wait_until(std::chrono::steady_clock::now() + kEndGrace)) {
      end = process::status_words(*status);
      well = *status == 0;
    }
  }
  listen();
  if (spoke_ && well) return;
  throw Failure(FailureKind::kTemporary, FailureScope::kSession, peer() + " " + end + last_words());
}

void TunnelStream::fail(int error) {
  judge_end();
  SocketStream::fail(error);
}

void TunnelStream::close() noexcept {
  SocketStream::close();
  if (child_) child_->end(kEndGrace);
  child_.reset();
  errors_.reset();
}

}  // namespace mailstead::net
