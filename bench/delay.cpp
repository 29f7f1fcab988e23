// A long wire on loopback: every octet that passes is held back for a fixed time, each way, in order, at unlimited
// bandwidth.
//
//     delay PORT…          one listener on 127.0.0.1 for each server port there; prints their ports on one line
//
// Commands on standard input, one a line: "delay MICROSECONDS" (one way, for what arrives from now on), "counts" (as
// soon as no connection is open, prints a JSON object for each that closed since the last "counts", then an empty
// line). It ends with its standard input, so that it cannot outlive who started it.
//
// Round trips: connecting is one; each time the client speaks while nothing is under way in either direction, and hears
// an answer before it closes, is another. What a client sends ahead of answers costs no waiting and is not counted.
#include <fmt/format.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReceive = 256 * 1024;
constexpr std::size_t kMaxUnderWay = 512 * 1024 * 1024;  // a stop for a sender that outruns the delay by far
constexpr int kBacklog = 1024;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Chunk {
  Clock::time_point due;
  std::vector<char> bytes;  // none: the end of the stream
  std::size_t sent = 0;
};

// One direction of one connection.
struct Way {
  int from = -1;
  int to = -1;
  std::deque<Chunk> under_way;
  std::size_t held = 0;
  std::uint64_t passed = 0;
  bool ended = false;      // nothing more comes from `from`
  bool delivered = false;  // the end was passed on
};

struct Connection {
  Way up, down;  // client to server, server to client
  std::uint64_t trips = 1;
  bool unanswered = false;  // the client waits for what it has asked
  bool broken = false;
  Clock::time_point opened = Clock::now();
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int open_listener(std::uint16_t& port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, kBacklog) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    fail("delay: listen");
  port = ntohs(address.sin_port);
  return listener;
}

class Wire {
 public:
  explicit Wire(const std::vector<std::uint16_t>& servers) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (epoll_ < 0 || timer_ < 0) fail("delay: epoll");
    watch(STDIN_FILENO, EPOLLIN);
    watch(timer_, EPOLLIN);
    std::string ports;
    for (const auto server : servers) {
      std::uint16_t port = 0;
      const int listener = open_listener(port);
      listeners_[listener] = server;
      watch(listener, EPOLLIN);
      ports += fmt::format("{}{}", ports.empty() ? "" : " ", port);
    }
    say(ports + "\n");
  }

  void run() {
    std::vector<epoll_event> events(256);
    while (!done_) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) fail("delay: epoll_wait");
      for (int i = 0; i < count && !done_; ++i) handle(events[static_cast<std::size_t>(i)].data.fd);
      deliver_due();
      report_when_quiet();
    }
  }

 private:
  static void say(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  void watch(int descriptor, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("delay: epoll_ctl");
  }

  void handle(int descriptor) {
    if (descriptor == STDIN_FILENO) return command();
    if (descriptor == timer_) {
      std::uint64_t ticks = 0;
      [[maybe_unused]] const auto got = ::read(timer_, &ticks, sizeof ticks);
      return;
    }
    if (const auto listener = listeners_.find(descriptor); listener != listeners_.end())
      return accept_from(listener->first, listener->second);
    if (const auto found = by_descriptor_.find(descriptor); found != by_descriptor_.end()) {
      const auto connection = found->second;
      receive(*connection, descriptor == connection->up.from ? connection->up : connection->down);
    }
  }

  void command() {
    char text[4096];
    const auto got = ::read(STDIN_FILENO, text, sizeof text);
    if (got <= 0) {
      done_ = true;
      return;
    }
    input_.append(text, static_cast<std::size_t>(got));
    for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      const auto line = input_.substr(0, end);
      input_.erase(0, end + 1);
      if (line.starts_with("delay "))
        delay_ = std::chrono::microseconds(std::atoll(line.c_str() + 6));
      else if (line == "counts")
        asked_ = true;
    }
  }

  // The last octets of a connection, and its end, are under way for a while after its client has gone.
  void report_when_quiet() {
    if (!asked_ || !live_.empty()) return;
    say(closed_ + "\n");
    closed_.clear();
    asked_ = false;
  }

  void accept_from(int listener, std::uint16_t server) {
    for (;;) {
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      const int upstream = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const auto address = loopback(server);
      if (upstream < 0 || ::connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(client);
        if (upstream >= 0) ::close(upstream);
        continue;
      }
      ::fcntl(upstream, F_SETFL, O_NONBLOCK);
      const int yes = 1;
      for (const int one : {client, upstream}) ::setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      auto connection = std::make_shared<Connection>();
      connection->up.from = connection->down.to = client;
      connection->up.to = connection->down.from = upstream;
      // Edge-triggered: reading goes on until nothing is there, and room to write is heard of once it is there again.
      for (const int one : {client, upstream}) {
        by_descriptor_[one] = connection;
        watch(one, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
      }
      live_.push_back(connection);
    }
  }

  void receive(Connection& connection, Way& way) {
    while (!way.ended && way.held < kMaxUnderWay) {
      const auto got = ::recv(way.from, buffer_.data(), buffer_.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got < 0) connection.broken = true;
      Chunk chunk{Clock::now() + delay_, {}, 0};
      if (got > 0) {
        chunk.bytes.assign(buffer_.data(), buffer_.data() + got);
        if (&way == &connection.up && way.under_way.empty() && connection.down.under_way.empty())
          connection.unanswered = true;
        way.held += static_cast<std::size_t>(got);
      } else {
        way.ended = true;
      }
      way.under_way.push_back(std::move(chunk));
    }
  }

  // Passes on what is due, for as long as the receiver takes it.
  void deliver(Connection& connection, Way& way, Clock::time_point now) {
    while (!way.under_way.empty() && way.under_way.front().due <= now) {
      auto& chunk = way.under_way.front();
      if (chunk.bytes.empty()) {
        ::shutdown(way.to, SHUT_WR);
        way.delivered = true;
      } else {
        const auto sent =
            ::send(way.to, chunk.bytes.data() + chunk.sent, chunk.bytes.size() - chunk.sent, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (sent < 0) {
          connection.broken = true;
          return;
        }
        chunk.sent += static_cast<std::size_t>(sent);
        if (chunk.sent < chunk.bytes.size()) continue;
        way.passed += chunk.bytes.size();
        const bool was_full = way.held >= kMaxUnderWay;
        way.held -= chunk.bytes.size();
        if (was_full) receive(connection, way);
        if (&way == &connection.down && connection.unanswered) {
          ++connection.trips;
          connection.unanswered = false;
        }
      }
      way.under_way.pop_front();
    }
  }

  void deliver_due() {
    const auto now = Clock::now();
    auto next = Clock::time_point::max();
    for (std::size_t i = 0; i < live_.size();) {
      auto& connection = *live_[i];
      for (auto* way : {&connection.up, &connection.down}) {
        deliver(connection, *way, now);
        if (!way->under_way.empty() && way->under_way.front().due > now)
          next = std::min(next, way->under_way.front().due);
      }
      if (connection.broken || (connection.up.delivered && connection.down.delivered)) {
        close(connection);
        live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
    arm(next);
  }

  void arm(Clock::time_point next) const {
    itimerspec when{};
    if (next != Clock::time_point::max()) {
      const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(next.time_since_epoch()).count();
      when.it_value.tv_sec = static_cast<time_t>(since / 1'000'000'000);
      when.it_value.tv_nsec = static_cast<long>(since % 1'000'000'000);
    }
    ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
  }

  void close(const Connection& connection) {
    const auto lived = std::chrono::duration<double>(Clock::now() - connection.opened).count();
    closed_ += fmt::format("{{\"round_trips\": {}, \"up\": {}, \"down\": {}, \"seconds\": {:.4f}}}\n", connection.trips,
                           connection.up.passed, connection.down.passed, lived);
    for (const int one : {connection.up.from, connection.up.to}) {
      by_descriptor_.erase(one);
      ::close(one);
    }
  }

  int epoll_ = -1;
  int timer_ = -1;
  bool done_ = false;
  bool asked_ = false;
  std::chrono::microseconds delay_{0};
  std::string input_;
  std::string closed_;
  std::vector<char> buffer_ = std::vector<char>(kReceive);
  std::unordered_map<int, std::uint16_t> listeners_;
  std::unordered_map<int, std::shared_ptr<Connection>> by_descriptor_;
  std::vector<std::shared_ptr<Connection>> live_;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<std::uint16_t> servers;
  for (int i = 1; i < argc; ++i) servers.push_back(static_cast<std::uint16_t>(std::atoi(argv[i])));
  if (servers.empty()) {
    std::fputs("usage: delay PORT...\n", stderr);
    return 2;
  }
  Wire(servers).run();
  return 0;
}
