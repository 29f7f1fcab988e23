// One accepted connection: drives its ServerSession by readiness, parks it when quiet. Internal to connectors/net.
//
// Who runs it: at any moment exactly one of the parking lot (it waits), the pool's queue (it is due) or a worker (its
// turn runs). Only the turn touches stream, session and buffers; `mutex_` guards the hand-over alone and is never held
// across a call to the lot, the pool, the session or the stream.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "connectors/net/listener.h"
#include "connectors/net/stream.h"

namespace mailstead::net {

// What a connection needs of its listener. The object outlives its connections, but lot, pool, factory and log are the
// listener's user's and may go as soon as the listener has: they are touched inside of a HostUse only.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  [[nodiscard]] virtual const ListenerSettings& settings() const noexcept = 0;
  // The newest; settings().server_tls is the first.
  [[nodiscard]] virtual std::shared_ptr<const ServerTls> server_tls() const = 0;
  [[nodiscard]] virtual const ServerSessionFactory& factory() const noexcept = 0;
  [[nodiscard]] virtual ParkingLot& lot() const noexcept = 0;
  [[nodiscard]] virtual WorkerPool& pool() const noexcept = 0;
  virtual void log(const std::string& line) const noexcept = 0;
  // The connection has closed its stream and destroyed its session.
  virtual void ended(std::uint64_t id) noexcept = 0;
  // False once the listener has gone. Otherwise it stays until leave().
  [[nodiscard]] virtual bool enter() noexcept = 0;
  virtual void leave() noexcept = 0;
};

// Holds the listener's destruction up while a thread is between two steps of a connection: a worker may have ended the
// connection already while the thread that handed it over has not returned from the pool yet.
class HostUse {
 public:
  explicit HostUse(std::shared_ptr<ConnectionHost> host) : host_(std::move(host)), entered_(host_->enter()) {}
  ~HostUse() {
    if (entered_) host_->leave();
  }
  HostUse(const HostUse&) = delete;
  HostUse& operator=(const HostUse&) = delete;
  [[nodiscard]] explicit operator bool() const noexcept { return entered_; }

 private:
  const std::shared_ptr<ConnectionHost> host_;
  const bool entered_;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ConnectionHost> host, std::uint64_t id, std::unique_ptr<Stream> stream, PeerFacts peer);

  // Its first turn. Once.
  void start();
  // advance() soon: any thread, any time.
  void wake() noexcept;
  // Closes soon: any thread, any time.
  void stop() noexcept;
  // No worker will come any more (the pool has stopped): ends it at once. Called by the holder of the turn.
  void abandon() noexcept;
  [[nodiscard]] const std::string& address() const noexcept { return peer_.address; }

 private:
  enum class Phase { kTls, kRunning, kEnded };
  enum class After { kAgain, kParked, kEnded };

  void hand_over(WakeReason reason);  // lot → pool
  void turn(WakeReason reason) noexcept;
  void run(WakeReason reason);
  [[nodiscard]] After run_once();
  [[nodiscard]] After rest();
  [[nodiscard]] After run_tls();
  void open_session();
  [[nodiscard]] bool flush();
  [[nodiscard]] After after_flush();
  [[nodiscard]] bool read_input();
  void advance();
  void begin_starttls();
  void begin_compression();
  void expire();
  void park(Interest interest, mail::SteadyTime deadline);
  void notify_parked() noexcept;
  void end(const std::string& why) noexcept;

  const std::shared_ptr<ConnectionHost> host_;
  const std::uint64_t id_;

  // The turn's own.
  std::unique_ptr<Stream> stream_;
  PeerFacts peer_;
  std::unique_ptr<ServerSession> session_;
  InputBuffer input_;
  std::string output_;
  std::size_t output_sent_ = 0;
  Phase phase_ = Phase::kRunning;
  SessionStep step_ = SessionStep::kMore;  // the greeting is asked for without input
  bool peer_ended_ = false;
  bool parked_for_write_ = false;
  mail::SteadyTime last_activity_;
  mail::SteadyTime tls_deadline_{};
  std::shared_ptr<const ServerTls> tls_;  // during a handshake

  std::atomic<bool> stopping_ = false;
  std::atomic<bool> woken_ = false;
  std::mutex mutex_;
  ParkingLot::Ticket ticket_ = 0;  // of the wait under way; 0: unknown or none
  std::uint64_t turns_ = 0;        // tells one wait from the next
};

}  // namespace mailstead::net
