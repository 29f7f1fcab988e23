// A listener with sessions that do as they are told, and its clients.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connectors/net/buffered_reader.h"
#include "connectors/net/deflate_stream.h"
#include "connectors/net/dial.h"
#include "connectors/net/listener.h"
#include "mail/failure.h"
#include "tests/support/test_certificates.h"

namespace mailstead::net::listener_world {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;
using testing::Leaf;
using testing::TestCertificates;
using Clock = std::chrono::steady_clock;

inline Deadline soon() {
  return Deadline::in(20s);
}

// What the sessions of one test share.
struct World {
  std::mutex mutex;
  std::condition_variable changed;
  int sessions = 0, ended = 0, advances = 0, tls_started = 0;
  std::vector<std::string> commands;
  std::vector<std::function<void()>> wakes;
  std::vector<std::string> log;
  std::chrono::seconds idle_limit = 600s;

  template <typename Change>
  void change(Change make) {
    std::lock_guard lock(mutex);
    make();
    changed.notify_all();
  }
  template <typename T>
  [[nodiscard]] T get(T World::*what) {
    std::lock_guard lock(mutex);
    return this->*what;
  }
  template <typename Ready>
  [[nodiscard]] bool wait(Ready ready) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, ready);
  }
};

// Verbs: ECHO text · REST n (nothing for n ms) · BIG n (n octets in slices) · TLS · DEFLATE · THROW · QUIT. A wake
// without input says "* woken".
class Session final : public ServerSession {
 public:
  Session(World& world, bool tls) : world_(world), tls_(tls) {
    world_.change([&] { ++world_.sessions; });
  }
  ~Session() override {
    world_.change([&] { ++world_.ended; });
  }

  SessionStep advance(InputBuffer& input, std::string& output) override {
    EXPECT_EQ(concurrent_.fetch_add(1), 0) << "two threads in one session";
    const SessionStep step = go_on(input, output);
    concurrent_.fetch_sub(1);
    world_.change([&] { ++world_.advances; });
    return step;
  }
  void tls_started(const TlsFacts& facts) override {
    EXPECT_FALSE(facts.version.empty());
    tls_ = true;
    world_.change([&] { ++world_.tls_started; });
  }
  void timed_out(std::string& output) override { output += "* tired\r\n"; }
  [[nodiscard]] std::chrono::milliseconds pause() const override {
    return std::chrono::ceil<std::chrono::milliseconds>(*rests_until_ - std::chrono::steady_clock::now());
  }
  [[nodiscard]] std::chrono::seconds idle_limit() const override { return world_.idle_limit; }
  [[nodiscard]] std::string summary() const override { return "said \"bye\"\n"; }

 private:
  SessionStep go_on(InputBuffer& input, std::string& output) {
    if (!greeted_) {
      greeted_ = true;
      output += tls_ ? "hello over TLS\r\n" : "hello\r\n";
      return SessionStep::kNeedsInput;
    }
    if (big_ > 0) return big(output);
    if (rests_until_) {
      if (std::chrono::steady_clock::now() < *rests_until_) return SessionStep::kPause;
      rests_until_.reset();
      output += "rested\r\n";
      return SessionStep::kMore;
    }
    const auto end = input.bytes().find("\r\n");
    if (end == std::string_view::npos) {
      if (input.bytes().empty()) output += "* woken\r\n";
      return SessionStep::kNeedsInput;
    }
    const std::string line(input.bytes().substr(0, end));
    input.consume(end + 2);
    world_.change([&] { world_.commands.push_back(line); });
    if (line == "QUIT") {
      output += "bye\r\n";
      return SessionStep::kClose;
    }
    if (line == "TLS") {
      output += "go\r\n";
      return SessionStep::kStartTls;
    }
    if (line == "DEFLATE") {
      output += "go\r\n";
      return SessionStep::kCompress;
    }
    if (line.starts_with("REST ")) {
      rests_until_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(std::stoul(line.substr(5)));
      return SessionStep::kPause;
    }
    if (line == "THROW") throw std::runtime_error("the session broke");
    if (line.starts_with("BIG ")) {
      big_ = std::stoul(line.substr(4));
      return big(output);
    }
    output += line.substr(std::min<std::size_t>(5, line.size())) + "\r\n";
    return input.bytes().find("\r\n") != std::string_view::npos ? SessionStep::kMore : SessionStep::kNeedsInput;
  }
  SessionStep big(std::string& output) {
    const std::size_t slice = std::min<std::size_t>(big_, kOutputHighWater);
    output.append(slice, 'b');
    big_ -= slice;
    return SessionStep::kMore;
  }

  World& world_;
  bool tls_;
  bool greeted_ = false;
  std::size_t big_ = 0;
  std::optional<std::chrono::steady_clock::time_point> rests_until_;
  std::atomic<int> concurrent_ = 0;
};

struct Server {
  World world;
  ParkingLot lot;
  WorkerPool pool{"sessions", 2};
  std::unique_ptr<Listener> listener;

  explicit Server(ListenerSettings settings = {}) {
    settings.name = "test";
    if (settings.address.empty()) settings.address = "127.0.0.1:0";
    if (settings.tls != TlsMode::kNone) {
      const auto& files = TestCertificates::shared().leaf(Leaf::kGood);
      settings.server_tls = std::make_shared<ServerTls>(files.certificate, files.key);
    }
    listener = std::make_unique<Listener>(
        settings,
        [this](const PeerFacts& peer, std::function<void()> wake) {
          EXPECT_EQ(peer.address, "127.0.0.1");
          EXPECT_TRUE(peer.loopback);
          world.change([&] { world.wakes.push_back(std::move(wake)); });
          return std::make_unique<Session>(world, peer.tls);
        },
        lot, pool, [this](const std::string& line) { world.change([&] { world.log.push_back(line); }); });
  }
  ~Server() {
    listener.reset();
    EXPECT_EQ(world.get(&World::sessions), world.get(&World::ended));
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::unique_ptr<Stream> connect() const {
    Endpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = listener->port();
    endpoint.tls = TlsMode::kNone;
    return dial(endpoint, soon());
  }
};

struct Client {
  std::unique_ptr<Stream> stream;
  BufferedReader reader;
  explicit Client(std::unique_ptr<Stream> connection) : stream(std::move(connection)), reader(*stream) {}
  std::string line() { return std::string(reader.read_line(1 << 20U, soon())); }
  void say(std::string_view text) { stream->write_all(text, soon()); }
  // Whether the server has closed (in order or not) without another line.
  bool closed() {
    try {
      (void)line();
      return false;
    } catch (const Failure& failure) {
      return failure.text().find("in time") == std::string::npos;
    }
  }
  void deflate() {
    stream = std::make_unique<DeflateStream>(std::move(stream), reader.take_buffered());
    reader.read_from(*stream);
  }
  void tls() {
    TlsSettings settings;
    settings.ca_file = TestCertificates::shared().ca_file();
    stream->start_tls(settings, "localhost", soon());
  }
};

}  // namespace mailstead::net::listener_world
