#include "connectors/net/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "connectors/address_group.h"
#include "connectors/descriptor.h"
#include "connectors/net/connection.h"
#include "connectors/net/dial.h"
#include "connectors/net/resolve.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {

using connectors::Descriptor;
namespace {

constexpr int kBacklog = 512;
constexpr int kAcceptsPerRound = 64;
constexpr std::chrono::milliseconds kPauseWithoutDescriptors{200};
constexpr std::chrono::seconds kRefusalLogInterval{10};
constexpr std::chrono::seconds kStopWait{1};

[[noreturn]] void refuse(const std::string& address, const std::string& why) {
  throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kProcess,
                      "cannot listen on " + mail::printable(address, 256) + ": " + why);
}

// "127.0.0.1:1143", "[::1]:0", "localhost:143"; "*:143" is every IPv4 address.
std::vector<SocketAddress> parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  const char* begin = text.data() + (colon == std::string::npos ? text.size() : colon + 1);
  const char* end = text.data() + text.size();
  const auto [used, error] = std::from_chars(begin, end, port);
  if (colon == std::string::npos || begin == end || error != std::errc() || used != end)
    refuse(text, "the address must be HOST:PORT, such as 127.0.0.1:1143 or [::1]:1143");
  std::string host = text.substr(0, colon);
  if (host.find(':') != std::string::npos && (host.front() != '[' || host.back() != ']'))
    refuse(text, "an IPv6 address needs brackets: [" + mail::printable(host, 64) + "]:" + std::to_string(port));
  if (host == "*") host = "0.0.0.0";
  try {
    return resolve(host, port, Deadline::in(std::chrono::seconds(10)));
  } catch (const mail::Failure& failure) {
    refuse(text, failure.text());
  }
}

Descriptor bind_to(const SocketAddress& address, const std::string& text) {
  Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!socket) refuse(text, std::generic_category().message(errno));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // 0.0.0.0 and [::] can then stand side by side.
  if (address.storage.ss_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (::bind(socket.get(), address.get(), address.size) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    const int error = errno;
    std::string hint;
    if (error == EADDRINUSE) hint = " (is another server running?)";
    if (error == EACCES) hint = " (ports below 1024 need CAP_NET_BIND_SERVICE)";
    refuse(text, std::generic_category().message(error) + hint);
  }
  return socket;
}

SocketAddress bound_address(int descriptor) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return address;
}

}  // namespace

struct Listener::State final : ConnectionHost, std::enable_shared_from_this<Listener::State> {
  State(ListenerSettings settings, ServerSessionFactory factory, ParkingLot& lot, WorkerPool& pool,
        std::function<void(const std::string&)> log)
      : settings_(std::move(settings)),
        factory_(std::move(factory)),
        lot_(lot),
        pool_(pool),
        log_(std::move(log)),
        tls_(settings_.server_tls) {}

  [[nodiscard]] const ListenerSettings& settings() const noexcept override { return settings_; }
  [[nodiscard]] const ServerSessionFactory& factory() const noexcept override { return factory_; }
  [[nodiscard]] std::shared_ptr<const ServerTls> server_tls() const override {
    std::lock_guard lock(mutex_);
    return tls_;
  }
  [[nodiscard]] ParkingLot& lot() const noexcept override { return lot_; }
  [[nodiscard]] WorkerPool& pool() const noexcept override { return pool_; }
  void log(const std::string& line) const noexcept override;
  void ended(std::uint64_t id) noexcept override;
  [[nodiscard]] bool enter() noexcept override;
  void leave() noexcept override;

  void park_acceptor(Interest interest, mail::SteadyTime until);
  void accept_round(WakeReason reason);
  void admit(Descriptor descriptor, const SocketAddress& from);
  void count_refusal(const std::string& address);
  void stop() noexcept;
  void wait_for_end() noexcept;  // for good
  void wait_for_end(std::chrono::seconds limit) noexcept;
  // Under the lock.
  [[nodiscard]] bool at_end() const noexcept { return !accepting_ && connections_.empty() && uses_ == 0; }

  const ListenerSettings settings_;
  const ServerSessionFactory factory_;
  ParkingLot& lot_;
  WorkerPool& pool_;
  const std::function<void(const std::string&)> log_;
  SocketAddress bound_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const ServerTls> tls_;
  Descriptor socket_;  // open as long as `accepting_`
  bool accepting_ = true;
  bool stopping_ = false;
  bool gone_ = false;     // the listener is destroyed: lot, pool, factory and log may be, too
  std::size_t uses_ = 0;  // threads inside of a HostUse
  ParkingLot::Ticket ticket_ = 0;
  std::uint64_t rounds_ = 0;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::size_t> per_address_;
  std::size_t refused_ = 0;  // since the last line about it
  mail::SteadyTime refusal_logged_{};
};

void Listener::State::log(const std::string& line) const noexcept {
  try {
    if (log_) log_(line);
  } catch (...) {
    // A log that throws has nobody left to tell.
  }
}

void Listener::State::ended(std::uint64_t id) noexcept {
  std::shared_ptr<Connection> gone;
  {
    std::lock_guard lock(mutex_);
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    gone = std::move(found->second);
    connections_.erase(found);
    const auto count = per_address_.find(connectors::address_group(gone->address()));
    if (count != per_address_.end() && --count->second == 0) per_address_.erase(count);
    changed_.notify_all();
  }
}

void Listener::State::park_acceptor(Interest interest, mail::SteadyTime until) {
  std::uint64_t round = 0;
  int descriptor = -1;
  {
    std::lock_guard lock(mutex_);
    round = rounds_;
    descriptor = socket_.get();
  }
  const auto ticket = lot_.park(descriptor, interest, until,
                                [self = shared_from_this()](WakeReason reason) { self->accept_round(reason); });
  bool stop_now = false;
  {
    std::lock_guard lock(mutex_);
    if (rounds_ == round) ticket_ = ticket, stop_now = stopping_;
  }
  if (stop_now) lot_.notify(ticket);
}

// On the lot's thread: accepting is short, the rest is a worker's.
void Listener::State::accept_round(WakeReason reason) {
  bool stop_now = reason == WakeReason::kStopped;
  {
    std::lock_guard lock(mutex_);
    ++rounds_;
    ticket_ = 0;
    stop_now = stop_now || stopping_;
    if (stop_now) {
      socket_.reset();
      accepting_ = false;
      changed_.notify_all();
    }
  }
  if (stop_now) return;
  const auto never = std::chrono::steady_clock::now() + std::chrono::hours(24);
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    SocketAddress from;
    from.size = sizeof(from.storage);
    Descriptor accepted(
        ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from.storage), &from.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted) {
      admit(std::move(accepted), from);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The waiting peer keeps the socket readable: without a pause this would be a busy loop.
      log(settings_.name + ": cannot accept: " + std::generic_category().message(errno));
      return park_acceptor(Interest::kNone, std::chrono::steady_clock::now() + kPauseWithoutDescriptors);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    // Anything else concerns the one connection that is gone already (accept(2)).
  }
  park_acceptor(Interest::kRead, never);
}

void Listener::State::admit(Descriptor descriptor, const SocketAddress& from) {
  const PeerFacts peer{host_text(from), is_loopback(from), false};
  const std::string group = connectors::address_group(peer.address);
  std::shared_ptr<Connection> connection;
  {
    std::lock_guard lock(mutex_);
    const auto count = per_address_.find(group);
    const std::size_t of_address = count == per_address_.end() ? 0 : count->second;
    if (!stopping_ && connections_.size() < settings_.max_connections &&
        of_address < settings_.max_connections_per_address) {
      const std::uint64_t id = ++last_id_;
      connection = std::make_shared<Connection>(shared_from_this(), id, adopt_descriptor(descriptor.release()), peer);
      connections_.emplace(id, connection);
      ++per_address_[group];
    }
  }
  if (connection) return connection->start();
  if (settings_.tls != TlsMode::kImplicit && !settings_.refusal.empty())
    ::send(descriptor.get(), settings_.refusal.data(), settings_.refusal.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  descriptor.reset();
  count_refusal(peer.address);
}

void Listener::State::count_refusal(const std::string& address) {
  const auto now = std::chrono::steady_clock::now();
  std::size_t count = 0;
  {
    std::lock_guard lock(mutex_);
    ++refused_;
    if (now - refusal_logged_ < kRefusalLogInterval) return;
    refusal_logged_ = now;
    count = std::exchange(refused_, 0);
  }
  log(settings_.name + ": too many connections: " + std::to_string(count) + " refused, the last from " + address);
}

void Listener::State::stop() noexcept {
  std::vector<std::shared_ptr<Connection>> open;
  ParkingLot::Ticket acceptor = 0;
  std::size_t refused = 0;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    acceptor = ticket_;
    refused = std::exchange(refused_, 0);
    for (const auto& [id, connection] : connections_) open.push_back(connection);
  }
  if (acceptor != 0) lot_.notify(acceptor);
  for (const auto& connection : open) connection->stop();
  if (refused > 0) log(settings_.name + ": too many connections: " + std::to_string(refused) + " more were refused");
}

bool Listener::State::enter() noexcept {
  std::lock_guard lock(mutex_);
  if (gone_) return false;
  ++uses_;
  return true;
}

void Listener::State::leave() noexcept {
  std::lock_guard lock(mutex_);
  if (--uses_ == 0) changed_.notify_all();
}

void Listener::State::wait_for_end(std::chrono::seconds limit) noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return at_end(); });
}

void Listener::State::wait_for_end() noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return at_end(); });
  gone_ = true;
}

Listener::Listener(ListenerSettings settings, ServerSessionFactory factory, ParkingLot& lot, WorkerPool& pool,
                   std::function<void(const std::string&)> log) {
  if (settings.tls != TlsMode::kNone && !settings.server_tls)
    refuse(settings.address, "TLS needs a certificate and a key");
  const std::string text = settings.address;
  const auto addresses = parse_address(text);
  state_ = std::make_shared<State>(std::move(settings), std::move(factory), lot, pool, std::move(log));
  state_->socket_ = bind_to(addresses.front(), text);
  state_->bound_ = bound_address(state_->socket_.get());
  state_->park_acceptor(Interest::kRead, std::chrono::steady_clock::now() + std::chrono::hours(24));
}

Listener::~Listener() {
  state_->stop();
  state_->wait_for_end();  // sessions use what their maker may destroy next
}

void Listener::renew_tls(std::shared_ptr<const ServerTls> tls) {
  std::lock_guard lock(state_->mutex_);
  state_->tls_ = std::move(tls);
}

std::uint16_t Listener::port() const noexcept {
  return port_of(state_->bound_);
}

std::string Listener::address() const {
  return host_port_text(state_->bound_);
}

std::size_t Listener::connections() const {
  std::lock_guard lock(state_->mutex_);
  return state_->connections_.size();
}

void Listener::stop() noexcept {
  state_->stop();
  state_->wait_for_end(kStopWait);
}

}  // namespace mailstead::net
