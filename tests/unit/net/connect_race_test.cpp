// Which of a host's addresses wins (RFC 8305), with lookups that answer as the test says.

#include "connectors/net/connect_race.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <thread>

#include "mail/failure.h"
#include "tests/support/one_shot_server.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;
using testing::OneShotServer;
using testing::RawPeer;
using Clock = std::chrono::steady_clock;

Deadline soon() {
  return Deadline::in(10s);
}

// Answers that come when the test gives them, from any thread.
class ScriptedFeed final : public AddressFeed {
 public:
  void give(Answer answer) {
    {
      std::lock_guard lock(mutex_);
      answers_.push_back(std::move(answer));
    }
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(event_.get(), &one, sizeof(one)), 8);
  }
  int descriptor() const override { return event_.get(); }
  std::vector<Answer> take() override {
    std::uint64_t count = 0;
    (void)!::read(event_.get(), &count, sizeof(count));
    std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<Answer> answers_;
  connectors::Descriptor event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

AddressFeed::Answer addresses(int family, const std::vector<std::pair<std::string, std::uint16_t>>& all) {
  AddressFeed::Answer answer{family, {}, all.empty() ? "unknown host" : ""};
  for (const auto& [text, port] : all) answer.addresses.push_back(numeric_address(text, port).value());
  return answer;
}

void greet(RawPeer& peer) {
  peer.write("hello");
  peer.wait_for_end();
}

// A loopback port that is bound and does not listen: refused at once, and nobody else's.
class RefusingPort {
 public:
  explicit RefusingPort(const std::string& address = "127.0.0.1") {
    const auto wanted = numeric_address(address, 0).value();
    socket_ = connectors::Descriptor(::socket(wanted.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(socket_.get(), wanted.get(), wanted.size), 0);
    SocketAddress bound;
    bound.size = sizeof(bound.storage);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size), 0);
    port_ = port_of(bound);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  connectors::Descriptor socket_;
  std::uint16_t port_ = 0;
};

// A listener whose queue is full: connections to it hang.
class HangingPort {
 public:
  HangingPort() {
    socket_ = connectors::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = numeric_address("127.0.0.1", 0).value();
    EXPECT_EQ(::bind(socket_.get(), address.get(), address.size), 0);
    EXPECT_EQ(::listen(socket_.get(), 0), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size), 0);
    port_ = port_of(address);
    for (int i = 0; i < 3; ++i) {
      fillers_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)::connect(fillers_.back().get(), address.get(), address.size);
    }
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  connectors::Descriptor socket_;
  std::vector<connectors::Descriptor> fillers_;
  std::uint16_t port_ = 0;
};

TEST(ConnectRace, PrefersIpv6) {
  OneShotServer six(greet, AF_INET6), four(greet);
  ScriptedFeed feed;
  feed.give(addresses(AF_INET, {{"127.0.0.1", four.port()}}));
  feed.give(addresses(AF_INET6, {{"::1", six.port()}}));
  EXPECT_EQ(connect_first("host", feed, "", soon())->peer(), "[::1]:" + std::to_string(six.port()));
}

TEST(ConnectRace, StartsWithIpv6BeforeIpv4IsResolved) {
  OneShotServer six(greet, AF_INET6);
  ScriptedFeed feed;
  feed.give(addresses(AF_INET6, {{"::1", six.port()}}));  // the other answer never comes
  EXPECT_NE(connect_first("host", feed, "", soon()), nullptr);
}

TEST(ConnectRace, DoesNotWaitLongForAnIpv6AnswerThatDoesNotCome) {
  OneShotServer four(greet);
  ScriptedFeed feed;
  feed.give(addresses(AF_INET, {{"127.0.0.1", four.port()}}));
  const auto begun = Clock::now();
  EXPECT_NE(connect_first("host", feed, "", soon()), nullptr);
  EXPECT_GE(Clock::now() - begun, kResolutionDelay);
  EXPECT_LT(Clock::now() - begun, kResolutionDelay + 2s);
}

TEST(ConnectRace, ARefusedAddressHoldsNobodyUp) {
  OneShotServer four(greet);
  RefusingPort six_a("::1"), six_b("::1");
  ScriptedFeed feed;
  feed.give(addresses(AF_INET6, {{"::1", six_a.port()}, {"::1", six_b.port()}}));
  feed.give(addresses(AF_INET, {{"127.0.0.1", four.port()}}));
  const auto begun = Clock::now();
  EXPECT_NE(connect_first("host", feed, "", soon()), nullptr);
  EXPECT_LT(Clock::now() - begun, kAttemptDelay);
}

TEST(ConnectRace, ADeadAddressHoldsTheNextUpForTheAttemptDelayOnly) {
  HangingPort dead;
  OneShotServer alive(greet);
  ScriptedFeed feed;
  feed.give(addresses(AF_INET6, {}));
  feed.give(addresses(AF_INET, {{"127.0.0.1", dead.port()}, {"127.0.0.1", alive.port()}}));
  const auto begun = Clock::now();
  EXPECT_EQ(connect_first("host", feed, "", soon())->peer(), "127.0.0.1:" + std::to_string(alive.port()));
  EXPECT_GE(Clock::now() - begun, kAttemptDelay);
  EXPECT_LT(Clock::now() - begun, kAttemptDelay + 2s);
}

TEST(ConnectRace, TakesTheFamiliesInTurns) {
  // Were the two IPv6 addresses first, the live one would be tried after two delays.
  HangingPort dead;
  OneShotServer alive(greet);
  ScriptedFeed feed;
  feed.give(addresses(AF_INET6, {{"::ffff:127.0.0.1", dead.port()}, {"::ffff:127.0.0.1", dead.port()}}));
  feed.give(addresses(AF_INET, {{"127.0.0.1", alive.port()}}));
  const auto begun = Clock::now();
  EXPECT_NE(connect_first("host", feed, "", soon()), nullptr);
  EXPECT_LT(Clock::now() - begun, 2 * kAttemptDelay);
}

TEST(ConnectRace, TheLateFamilyJoins) {
  RefusingPort refusing("::1");
  OneShotServer four(greet);
  ScriptedFeed feed;
  feed.give(addresses(AF_INET6, {{"::1", refusing.port()}}));
  std::jthread later([&] {
    std::this_thread::yield();
    feed.give(addresses(AF_INET, {{"127.0.0.1", four.port()}}));
  });
  EXPECT_NE(connect_first("host", feed, "", soon()), nullptr);
}

std::string failure_of(AddressFeed& feed, const std::string& source, const Deadline& deadline) {
  try {
    (void)connect_first("imap.example.org:993", feed, source, deadline);
    return "none";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kTemporary) << failure.text();
    return failure.text();
  }
}

TEST(ConnectRace, SaysWhyNothingWorked) {
  RefusingPort refusing;
  {
    ScriptedFeed feed;
    feed.give(addresses(AF_INET6, {}));
    feed.give(addresses(AF_INET, {{"127.0.0.1", refusing.port()}}));
    EXPECT_EQ(failure_of(feed, "", soon()), "imap.example.org:993: connection refused");
  }
  {
    ScriptedFeed feed;
    feed.give({AF_INET6, {}, "name lookup failed: Temporary failure in name resolution"});
    feed.give(addresses(AF_INET, {}));
    EXPECT_EQ(failure_of(feed, "", soon()),
              "imap.example.org:993: name lookup failed: Temporary failure in name resolution");
  }
}

TEST(ConnectRace, EndsAtTheDeadlineAndOnRequest) {
  ScriptedFeed silent;
  EXPECT_EQ(failure_of(silent, "", Deadline::in(80ms)), "imap.example.org:993: no answer in time");
  HangingPort dead;
  ScriptedFeed feed;
  feed.give(addresses(AF_INET6, {}));
  feed.give(addresses(AF_INET, {{"127.0.0.1", dead.port()}}));
  EXPECT_EQ(failure_of(feed, "", Deadline::in(80ms)), "imap.example.org:993: no answer in time");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW((void)connect_first("x", feed, "", Deadline::in(10s, stop.get_token())), Failure);
}

TEST(ConnectRace, BindsToTheSourceAddress) {
  std::string seen;
  OneShotServer server([&](RawPeer& peer) {
    SocketAddress from;
    from.size = sizeof(from.storage);
    EXPECT_EQ(::getpeername(peer.descriptor(), reinterpret_cast<sockaddr*>(&from.storage), &from.size), 0);
    seen = host_text(from);
  });
  ScriptedFeed feed;
  feed.give(addresses(AF_INET6, {}));
  feed.give(addresses(AF_INET, {{"127.0.0.1", server.port()}}));
  const auto stream = connect_first("host", feed, "127.0.0.9", soon());
  server.join();
  EXPECT_EQ(seen, "127.0.0.9");
}

TEST(ConnectRace, ASourceAddressThatDoesNotServeIsNamed) {
  RefusingPort refusing;
  ScriptedFeed feed;
  feed.give(addresses(AF_INET6, {}));
  feed.give(addresses(AF_INET, {{"127.0.0.1", refusing.port()}}));
  EXPECT_NE(failure_of(feed, "192.0.2.200", soon()).find("cannot use source_address 192.0.2.200"), std::string::npos);
  ScriptedFeed other;
  other.give(addresses(AF_INET6, {}));
  other.give(addresses(AF_INET, {{"127.0.0.1", refusing.port()}}));
  EXPECT_NE(failure_of(other, "::1", soon()).find("source_address's family"), std::string::npos);
}

}  // namespace
}  // namespace mailstead::net
