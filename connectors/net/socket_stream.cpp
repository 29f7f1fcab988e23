#include "connectors/net/socket_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "connectors/net/endpoint.h"
#include "connectors/net/tls_session.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using State = TryResult::State;

constexpr std::chrono::milliseconds kWaitSlice{250};  // how late a stop request may be seen
constexpr std::chrono::milliseconds kLongSlice{60'000};

void make_nonblocking(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags >= 0) ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

}  // namespace

void check_deadline(const Deadline& deadline, const std::string& who) {
  if (deadline.stop.stop_requested())
    throw Failure(FailureKind::kCancelled, FailureScope::kSession, who + ": stopped on request");
  if (std::chrono::steady_clock::now() >= deadline.at)
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, who + ": no answer in time");
}

void wait_ready(int descriptor, short events, const Deadline& deadline, const std::string& who) {
  const auto slice = deadline.stop.stop_possible() ? kWaitSlice : kLongSlice;
  for (;;) {
    check_deadline(deadline, who);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.at - std::chrono::steady_clock::now());
    pollfd waited{descriptor, events, 0};
    const auto wait = std::clamp(left, std::chrono::milliseconds(0), slice);
    const int ready = ::poll(&waited, 1, static_cast<int>(wait.count()));
    if (ready > 0) return;  // errors, too: the next read or write names them
    if (ready < 0 && errno != EINTR)
      throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                    who + ": " + std::generic_category().message(errno));
  }
}

SocketStream::SocketStream(int descriptor, std::string peer) : descriptor_(descriptor), peer_(std::move(peer)) {
  make_nonblocking(descriptor_);
}

SocketStream::~SocketStream() {
  close();
}

void SocketStream::fail(int error) {
  throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                peer_ + ": " + (error == EPIPE ? "connection closed" : std::generic_category().message(error)));
}

void SocketStream::wait_for(const TryResult& result, const Deadline& deadline) {
  wait_ready(descriptor_, result.state == State::kWantsWrite ? POLLOUT : POLLIN, deadline, peer_);
}

void SocketStream::wait_for_answer(const TryResult& result, const Deadline& deadline) {
  const auto earned = std::chrono::seconds(std::min<std::uint64_t>(answered_ / kMinByteRate, 1'000'000));
  const auto begun = std::chrono::steady_clock::now();
  const auto limit = begun + (answer_limit_ + earned - waited_);
  const auto note = [&] { waited_ += std::chrono::steady_clock::now() - begun; };
  try {
    wait_for(result, {std::min<mail::SteadyTime>(limit, deadline.at), deadline.stop});
    note();
  } catch (const Failure& failure) {
    note();
    if (limit >= deadline.at || failure.kind() != FailureKind::kTemporary) throw;
    throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                  peer_ + ": sends too slowly: " + std::to_string(answered_) + " octets of an answer after waiting " +
                      std::to_string(std::chrono::ceil<std::chrono::seconds>(answer_limit_ + earned).count()) +
                      " s (timeouts.answer)");
  }
}

std::size_t SocketStream::read_some(std::span<char> into, const Deadline& deadline) {
  // A peer that always has one more byte must not outlive the deadline either.
  check_deadline(deadline, peer_);
  for (;;) {
    const TryResult result = try_read(into);
    if (result.state == State::kDone) return answered_ += result.count, result.count;
    if (result.state == State::kEnd) return 0;
    wait_for_answer(result, deadline);
  }
}

void SocketStream::write_all(std::string_view bytes, const Deadline& deadline) {
  check_deadline(deadline, peer_);
  waited_ = {};
  answered_ = 0;
  while (!bytes.empty()) {
    const TryResult result = try_write(bytes);
    if (result.state == State::kEnd) fail(EPIPE);
    if (result.state == State::kDone) {
      bytes.remove_prefix(result.count);
    } else {
      wait_for(result, deadline);
    }
  }
}

TryResult SocketStream::try_read(std::span<char> into) {
  if (descriptor_ < 0) return {State::kEnd, 0};
  if (tls_) return tls_->read(into);
  for (;;) {
    const auto got = ::recv(descriptor_, into.data(), into.size(), 0);
    if (got > 0) return {State::kDone, static_cast<std::size_t>(got)};
    if (got == 0) return {State::kEnd, 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {State::kWantsRead, 0};
    if (errno != EINTR) fail(errno);
  }
}

TryResult SocketStream::try_write(std::string_view bytes) {
  if (descriptor_ < 0) fail(EPIPE);
  if (bytes.empty()) return {};
  if (tls_) return tls_->write(bytes);
  for (;;) {
    const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {State::kDone, static_cast<std::size_t>(sent)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {State::kWantsWrite, 0};
    if (errno != EINTR) fail(errno);
  }
}

void SocketStream::start_tls(const TlsSettings& settings, const std::string& host, const Deadline& deadline) {
  if (descriptor_ < 0) fail(EPIPE);
  if (tls_) throw Failure(FailureKind::kProtocol, FailureScope::kSession, peer_ + ": TLS is already in use");
  check_deadline(deadline, peer_);
  tls_ = TlsSession::client(descriptor_, settings, host);
  for (;;) {
    const TryResult result = tls_->handshake();
    if (result.state == State::kDone) return;
    wait_for(result, deadline);
  }
}

TryResult SocketStream::try_accept_tls(const ServerTls& tls) {
  if (descriptor_ < 0) fail(EPIPE);
  if (!tls_) tls_ = TlsSession::server(descriptor_, tls, peer_);
  return tls_->handshake();
}

std::optional<TlsFacts> SocketStream::tls() const {
  if (!tls_ || !tls_->established()) return std::nullopt;
  return tls_->facts();
}

std::optional<connectors::ChannelBinding> SocketStream::channel_binding() const {
  return tls_ ? tls_->channel_binding() : std::nullopt;
}

bool SocketStream::has_pending() const {
  return tls_ && tls_->has_pending();
}

void SocketStream::close() noexcept {
  if (descriptor_ < 0) return;
  if (tls_) tls_->shutdown();
  tls_.reset();
  ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace mailstead::net
