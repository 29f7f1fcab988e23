#include "connectors/net/connection.h"

#include <array>
#include <exception>

#include "connectors/net/deflate_stream.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using State = TryResult::State;

constexpr std::chrono::seconds kTlsHandshakeLimit{60};
constexpr std::chrono::seconds kFarewellLimit{5};  // for a peer that does not read its farewell
constexpr std::size_t kReadChunk = 16 * 1024;      // a TLS record
constexpr std::size_t kReadPerRound = 64 * 1024;
constexpr std::size_t kMaxInput = 128 * 1024;  // unused by the session: its line is too long
constexpr int kRoundsPerTurn = 16;             // then others have the worker

// A turn in the pool's queue. Dropped without having run, the connection ends.
class QueuedTurn {
 public:
  explicit QueuedTurn(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  QueuedTurn(const QueuedTurn&) = delete;
  QueuedTurn& operator=(const QueuedTurn&) = delete;
  ~QueuedTurn() {
    if (connection_) connection_->abandon();
  }
  std::shared_ptr<Connection> take() { return std::move(connection_); }

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace

Connection::Connection(std::shared_ptr<ConnectionHost> host, std::uint64_t id, std::unique_ptr<Stream> stream,
                       PeerFacts peer)
    : host_(std::move(host)),
      id_(id),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      last_activity_(std::chrono::steady_clock::now()) {
  if (host_->settings().tls == TlsMode::kImplicit)
    phase_ = Phase::kTls, tls_deadline_ = last_activity_ + kTlsHandshakeLimit;
}

void Connection::start() {
  hand_over(WakeReason::kReady);
}

void Connection::hand_over(WakeReason reason) {
  const HostUse use(host_);
  if (!use) return;
  {
    std::lock_guard lock(mutex_);
    ++turns_;
    ticket_ = 0;
  }
  auto queued = std::make_shared<QueuedTurn>(shared_from_this());
  host_->pool().submit([queued, reason](const std::stop_token&) {
    if (auto connection = queued->take()) connection->turn(reason);
  });
}

void Connection::wake() noexcept {
  woken_ = true;
  notify_parked();
}

void Connection::stop() noexcept {
  stopping_ = true;
  notify_parked();
}

void Connection::notify_parked() noexcept {
  const HostUse use(host_);
  if (!use) return;
  ParkingLot::Ticket ticket = 0;
  {
    std::lock_guard lock(mutex_);
    ticket = ticket_;
  }
  // Without a ticket a turn is due, runs, or is about to park: park() looks at the flags again after it has its ticket.
  if (ticket != 0) host_->lot().notify(ticket);
}

void Connection::park(Interest interest, mail::SteadyTime deadline) {
  parked_for_write_ = interest == Interest::kWrite;
  if (!parked_for_write_ && output_.empty()) {  // a quiet connection holds no buffers
    std::string().swap(output_);
    stream_->rest();
  }
  std::uint64_t wait = 0;
  {
    std::lock_guard lock(mutex_);
    wait = turns_;
  }
  const int descriptor = stream_->descriptor();
  const bool write_parked = parked_for_write_;
  auto self = shared_from_this();
  // From here on the next turn may already run on another thread: nothing of the turn's own may be touched.
  const auto ticket =
      host_->lot().park(descriptor, interest, deadline, [self](WakeReason reason) { self->hand_over(reason); });
  {
    std::lock_guard lock(mutex_);
    if (turns_ != wait) return;
    ticket_ = ticket;
  }
  // A wake() that came before the ticket was known notified nobody. One that waits for output to drain need not.
  if (stopping_ || (woken_ && !write_parked)) host_->lot().notify(ticket);
}

void Connection::turn(WakeReason reason) noexcept {
  const HostUse use(host_);
  if (!use) return;
  try {
    run(reason);
  } catch (const mail::Failure& failure) {
    end(failure.text());
  } catch (const std::exception& error) {
    end(std::string("failed: ") + error.what());
  } catch (...) {
    end("failed for an unknown reason");
  }
}

void Connection::run(WakeReason reason) {
  if (reason == WakeReason::kStopped || stopping_) return end("");
  const bool rested = phase_ == Phase::kRunning && step_ == SessionStep::kPause && !parked_for_write_;
  if (reason == WakeReason::kDeadline && !rested) return expire();
  if (reason == WakeReason::kDeadline) step_ = SessionStep::kMore;
  for (int round = 0; round < kRoundsPerTurn; ++round) {
    if (stopping_) return end("");
    switch (phase_ == Phase::kTls ? run_tls() : run_once()) {
      case After::kAgain: break;
      case After::kParked:
      case After::kEnded: return;
    }
  }
  hand_over(WakeReason::kReady);
}

// A round: output first (a slow reader gets nothing new before it has taken the old), then input, then the session.
Connection::After Connection::run_once() {
  if (!session_) open_session();
  if (!flush()) {
    park(Interest::kWrite, last_activity_ + session_->idle_limit());
    return After::kParked;
  }
  return after_flush();
}

Connection::After Connection::after_flush() {
  switch (step_) {
    case SessionStep::kClose: end(""); return After::kEnded;
    case SessionStep::kStartTls: begin_starttls(); return After::kAgain;
    case SessionStep::kCompress: begin_compression(); return After::kAgain;
    case SessionStep::kMore: advance(); return After::kAgain;
    case SessionStep::kPause: return rest();
    case SessionStep::kNeedsInput: break;
  }
  if (peer_ended_) {
    end("");
    return After::kEnded;
  }
  if (read_input() || woken_) {
    advance();
    return After::kAgain;
  }
  if (peer_ended_) return After::kAgain;
  park(Interest::kRead, last_activity_ + session_->idle_limit());
  return After::kParked;
}

// Without a look at the descriptor: what the peer sends meanwhile waits in its socket.
Connection::After Connection::rest() {
  if (woken_) {
    advance();
    return After::kAgain;
  }
  park(Interest::kNone, std::chrono::steady_clock::now() + session_->pause());
  return After::kParked;
}

Connection::After Connection::run_tls() {
  if (!tls_) tls_ = host_->server_tls();
  const TryResult result = stream_->try_accept_tls(*tls_);
  if (result.state != State::kDone) {
    park(result.state == State::kWantsWrite ? Interest::kWrite : Interest::kRead, tls_deadline_);
    return After::kParked;
  }
  phase_ = Phase::kRunning;
  tls_.reset();
  peer_.tls = true;
  last_activity_ = std::chrono::steady_clock::now();
  input_.clear();
  if (!session_) open_session();
  session_->tls_started(stream_->tls().value_or(TlsFacts{}));
  return After::kAgain;
}

void Connection::open_session() {
  session_ = host_->factory()(peer_, [weak = weak_from_this()] {
    if (auto connection = weak.lock()) connection->wake();
  });
  if (!session_) throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "no session");
}

bool Connection::flush() {
  while (output_sent_ < output_.size()) {
    const TryResult result = stream_->try_write(std::string_view(output_).substr(output_sent_));
    if (result.state != State::kDone) return false;
    output_sent_ += result.count;
    // A drained answer is a sign of life only if the peer was slow with it; a wake's output on its own is none.
    if (parked_for_write_) last_activity_ = std::chrono::steady_clock::now();
  }
  parked_for_write_ = false;
  output_.clear();
  output_sent_ = 0;
  return true;
}

// False when nothing new came.
bool Connection::read_input() {
  std::array<char, kReadChunk> chunk;
  std::size_t total = 0;
  while (total < kReadPerRound && input_.bytes().size() < kMaxInput) {
    const TryResult result = stream_->try_read(chunk);
    if (result.state == State::kEnd) peer_ended_ = true;
    if (result.state != State::kDone) break;
    input_.append({chunk.data(), result.count});
    total += result.count;
  }
  if (total > 0) last_activity_ = std::chrono::steady_clock::now();
  return total > 0;
}

void Connection::advance() {
  woken_ = false;  // before the call: a wake during it asks for another
  const bool slice = step_ == SessionStep::kMore;
  step_ = session_->advance(input_, output_);
  if (slice && step_ != SessionStep::kNeedsInput) last_activity_ = std::chrono::steady_clock::now();
  if (step_ == SessionStep::kNeedsInput && input_.bytes().size() >= kMaxInput)
    throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kSession, "input too long");
  // Whatever is there before our go-ahead was sent came in the clear and did not wait for it: never a command of the
  // TLS session to come (NO STARTTLS study, CVE-2011-0411). No honest client does it.
  if (step_ == SessionStep::kStartTls && (!input_.bytes().empty() || read_input()))
    throw mail::Failure(mail::FailureKind::kProtocol, mail::FailureScope::kSession,
                        "sent more in the clear behind STARTTLS");
}

void Connection::begin_starttls() {
  if (!host_->settings().server_tls)
    throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kSession,
                        "STARTTLS without a certificate");
  input_.clear();
  step_ = SessionStep::kNeedsInput;
  phase_ = Phase::kTls;
  tls_deadline_ = std::chrono::steady_clock::now() + kTlsHandshakeLimit;
}

void Connection::begin_compression() {
  const std::string received(input_.bytes());
  input_.clear();
  step_ = SessionStep::kNeedsInput;
  stream_ = std::make_unique<DeflateStream>(std::move(stream_), received, DeflateStream::Sends::kMail);
}

// The peer was silent for too long: a farewell if it listens, the end if it does not.
void Connection::expire() {
  const bool silent = phase_ == Phase::kRunning && session_ && output_.empty() && step_ == SessionStep::kNeedsInput;
  if (!silent) return end(phase_ == Phase::kTls ? "TLS handshake took too long" : "does not read");
  session_->timed_out(output_);
  step_ = SessionStep::kClose;
  if (flush()) return end("");
  park(Interest::kWrite, std::chrono::steady_clock::now() + kFarewellLimit);
}

void Connection::abandon() noexcept {
  end("");
}

void Connection::end(const std::string& why) noexcept {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  try {
    std::string line = host_->settings().name + ": " + peer_.address + ": ";
    const std::string summary = session_ ? session_->summary() : std::string();
    line += mail::printable(why.empty() || summary.empty() ? why + summary : why + "; " + summary);
    if (!why.empty() || !summary.empty()) host_->log(line);
  } catch (...) {
    // The end of a connection is not the place to fail.
  }
  session_.reset();
  if (!stream_) return host_->ended(id_);  // lost on the way to compression
  try {
    // Unread input would turn our close into a reset, which can destroy the farewell on its way.
    std::array<char, kReadChunk> rest;
    for (int i = 0; i < 8 && stream_->try_read(rest).state == State::kDone; ++i) continue;
  } catch (...) {
    // It is gone already.
  }
  stream_->close();
  input_.clear();
  std::string().swap(output_);
  host_->ended(id_);
}

}  // namespace mailstead::net
