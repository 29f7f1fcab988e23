// Waiting on peers that say nothing, half of something, or go away.

#include "connectors/net/stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include "connectors/net/buffered_reader.h"
#include "connectors/net/dial.h"
#include "connectors/net/resolve.h"
#include "connectors/net/socket_stream.h"
#include "mail/failure.h"
#include "tests/support/scripted_peer.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;
using testing::PeerOptions;
using testing::ScriptedPeer;
using Clock = std::chrono::steady_clock;

Deadline soon() {
  return Deadline::in(10s);
}

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> connected() {
  std::array<int, 2> pair{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  return {adopt_descriptor(pair[0]), adopt_descriptor(pair[1])};
}

std::uint16_t closed_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(descriptor);
  return ntohs(address.sin_port);
}

// What each wait does to a peer that is silent.
struct Wait {
  std::string name;
  std::function<void(Stream&, const Deadline&)> run;
};

const std::vector<Wait>& waits() {
  static const std::vector<Wait> all{
      {"Read",
       [](Stream& stream, const Deadline& deadline) {
         std::array<char, 16> buffer;
         (void)stream.read_some(buffer, deadline);
       }},
      {"ReadLine",
       [](Stream& stream, const Deadline& deadline) {
         BufferedReader reader(stream);
         (void)reader.read_line(100, deadline);
       }},
      {"Write",
       [](Stream& stream, const Deadline& deadline) { stream.write_all(std::string(16 << 20U, 'x'), deadline); }},
      {"Handshake",
       [](Stream& stream, const Deadline& deadline) {
         TlsSettings settings;
         settings.insecure = true;
         stream.start_tls(settings, "localhost", deadline);
       }},
  };
  return all;
}

class SilentPeer : public ::testing::TestWithParam<Wait> {};

TEST_P(SilentPeer, EndsAtTheDeadline) {
  auto [stream, peer] = connected();
  const auto begin = Clock::now();
  try {
    GetParam().run(*stream, Deadline::in(120ms));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kTemporary) << failure.text();
    EXPECT_NE(failure.text().find("in time"), std::string::npos) << failure.text();
  }
  EXPECT_GE(Clock::now() - begin, 119ms);
  EXPECT_LT(Clock::now() - begin, 1100ms);
}

TEST_P(SilentPeer, EndsWithinASecondOfAStopRequest) {
  auto [stream, peer] = connected();
  std::stop_source stop;
  Clock::time_point requested;
  std::jthread requester([&] {
    // The wait is under way when its first octets have arrived, or never says anything: then at once is as good.
    std::this_thread::yield();
    requested = Clock::now();
    stop.request_stop();
  });
  try {
    GetParam().run(*stream, Deadline::in(60s, stop.get_token()));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kCancelled) << failure.text();
  }
  requester.join();
  EXPECT_LT(Clock::now() - requested, 1s);
}

TEST_P(SilentPeer, DoesNotBeginAfterAStopRequest) {
  auto [stream, peer] = connected();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(GetParam().run(*stream, Deadline::in(60s, stop.get_token())), Failure);
}

INSTANTIATE_TEST_SUITE_P(Waits, SilentPeer, ::testing::ValuesIn(waits()),
                         [](const auto& row) { return row.param.name; });

TEST(Stream, EndsAHandshakeThatStopsHalfWay) {
  // The first octets of a ServerHello record, then nothing.
  ScriptedPeer peer("S~: \\x16\\x03\\x03\\x00\\x7a\\x02\nSTALL");
  auto endpoint = peer.endpoint();
  endpoint.tls = TlsMode::kImplicit;
  endpoint.timeouts.connect = 1s;
  const auto begin = Clock::now();
  EXPECT_THROW((void)dial(endpoint, soon()), Failure);
  EXPECT_LT(Clock::now() - begin, 2s);
  EXPECT_EQ(peer.finish(), "");
}

TEST(Stream, EndsAtTheDeadlineAlthoughThePeerDripsOctets) {
  auto [stream, peer] = connected();
  std::jthread dripping([&peer = *peer](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (peer.try_write("x").state == TryResult::State::kWantsWrite) std::this_thread::yield();
    }
  });
  BufferedReader reader(*stream);
  const auto deadline = Deadline::in(150ms);
  try {
    for (;;) {
      reader.fill(deadline);
      reader.consume(reader.buffered().size());
    }
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kTemporary);
  }
  EXPECT_LT(Clock::now(), deadline.at + 1s);
}

TEST(Stream, TellsAnOrderlyEndFromAReset) {
  std::array<char, 16> buffer;
  {
    ScriptedPeer peer("S: x\nCLOSE");
    auto stream = peer.connect();
    EXPECT_GT(stream->read_some(buffer, soon()), 0U);
    EXPECT_EQ(stream->read_some(buffer, soon()), 0U);
  }
  {
    ScriptedPeer peer("S: x\nC: y\nRESET");
    auto stream = peer.connect();
    EXPECT_GT(stream->read_some(buffer, soon()), 0U);
    stream->write_all("y\r\n", soon());
    try {
      (void)stream->read_some(buffer, soon());
      FAIL();
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kTemporary);
    }
  }
}

TEST(Stream, TakesAnEndWithoutCloseNotifyForTheEnd) {
  ScriptedPeer peer("S: x\nRESET", PeerOptions{.implicit_tls = true});
  auto [stream, other] = connected();
  // The peer's TLS is played on a pair whose end is closed below TLS.
  const auto& files = testing::TestCertificates::shared().leaf(testing::Leaf::kGood);
  const ServerTls tls(files.certificate, files.key);
  std::jthread server([&tls, descriptor = ::dup(other->descriptor()), &other = other] {
    while (other->try_accept_tls(tls).state != TryResult::State::kDone) std::this_thread::yield();
    other->write_all("x", soon());
    ::shutdown(descriptor, SHUT_RDWR);
    ::close(descriptor);
  });
  stream->start_tls(peer.tls_settings(), "localhost", soon());
  std::array<char, 16> buffer;
  EXPECT_EQ(stream->read_some(buffer, soon()), 1U);
  EXPECT_EQ(stream->read_some(buffer, soon()), 0U);
}

TEST(Stream, WritingToAClosedPeerFailsWithoutASignal) {
  auto [stream, peer] = connected();
  peer->close();
  EXPECT_THROW(
      {
        for (int i = 0; i < 10; ++i) stream->write_all("x", soon());
      },
      Failure);
  EXPECT_THROW(peer->write_all("x", soon()), Failure) << "on our own closed end, too";
  std::array<char, 4> buffer;
  EXPECT_EQ(peer->try_read(buffer).state, TryResult::State::kEnd);
  peer->close();
}

TEST(Stream, MovesMegabytesBothWaysOverTls) {
  ScriptedPeer peer("S#: 3000000\nC#: 3000000\nS: done\nEOF", PeerOptions{.implicit_tls = true});
  auto stream = dial(peer.endpoint(), soon());
  BufferedReader reader(*stream);
  std::size_t got = 0;
  reader.read_exactly(3'000'000, 5s, soon(), [&](std::string_view chunk) { got += chunk.size(); });
  EXPECT_EQ(got, 3'000'000U);
  stream->write_all(std::string(3'000'000, 'y'), soon());
  EXPECT_EQ(reader.read_line(100, soon()), "done");
  stream->close();
  EXPECT_EQ(peer.finish(), "");
}

TEST(Dial, SaysWhoRefused) {
  Endpoint endpoint;
  endpoint.host = "localhost";
  endpoint.port = closed_port();
  endpoint.tls = TlsMode::kNone;
  try {
    (void)dial(endpoint, soon());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kTemporary);
    EXPECT_EQ(failure.text(), "localhost:" + std::to_string(endpoint.port) + ": connection refused");
  }
}

TEST(Dial, SaysThatAHostIsUnknown) {
  Endpoint endpoint;
  endpoint.port = 993;
  endpoint.timeouts.connect = 5s;
  for (const char* host : {"nothing.invalid", "", "bad\nname", "999.1.1.1"}) {
    endpoint.host = host;
    try {
      (void)dial(endpoint, soon());
      FAIL() << host;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kTemporary) << failure.text();
      EXPECT_EQ(failure.text().find('\n'), std::string::npos);
    }
  }
}

TEST(Dial, StopsOnRequest) {
  std::stop_source stop;
  stop.request_stop();
  Endpoint endpoint;
  endpoint.host = "localhost";
  endpoint.port = closed_port();
  try {
    (void)dial(endpoint, Deadline::in(10s, stop.get_token()));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kCancelled);
  }
}

TEST(Dial, ReachesUnixSockets) {
  std::string pattern = (std::filesystem::temp_directory_path() / "mailstead-dial-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string path = pattern + "/socket";
  Endpoint endpoint;
  endpoint.unix_socket = path;
  endpoint.tls = TlsMode::kNone;
  EXPECT_THROW((void)dial(endpoint, soon()), Failure);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listening, 1), 0);
  auto stream = dial(endpoint, soon());
  EXPECT_EQ(stream->peer(), "local");
  ::close(listening);
  std::filesystem::remove_all(pattern);
  endpoint.unix_socket = std::string(200, 'x');
  EXPECT_THROW((void)dial(endpoint, soon()), Failure);
}

TEST(Resolve, ReadsAddressesAsTheyAre) {
  EXPECT_EQ(host_port_text(resolve("192.0.2.1", 993, soon()).front()), "192.0.2.1:993");
  EXPECT_EQ(host_port_text(resolve("[2001:db8::1]", 993, soon()).front()), "[2001:db8::1]:993");
  EXPECT_TRUE(is_loopback(resolve("127.9.9.9", 1, soon()).front()));
  EXPECT_TRUE(is_loopback(resolve("::1", 1, soon()).front()));
  EXPECT_TRUE(is_loopback(resolve("::ffff:127.0.0.1", 1, soon()).front()));
  EXPECT_FALSE(is_loopback(resolve("::ffff:192.0.2.1", 1, soon()).front()));
  EXPECT_FALSE(is_loopback(resolve("192.0.2.1", 1, soon()).front()));
}

// A peer that always has one more octet before each wait is up.
TEST(SlowPeer, IsDroppedWhenItsAnswerTakesTooLong) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  SocketStream stream(pair[0], "peer");
  stream.set_answer_limit(300ms);
  const auto peer = adopt_descriptor(pair[1]);
  std::jthread trickle([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      peer->write_all("x", soon());
      std::this_thread::sleep_for(20ms);
    }
  });
  std::array<char, 1> octet;
  const auto begin = Clock::now();
  try {
    while (Clock::now() - begin < 10s) (void)stream.read_some(octet, soon());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kTemporary);
    EXPECT_NE(failure.text().find("sends too slowly"), std::string::npos) << failure.text();
  }
  EXPECT_LT(Clock::now() - begin, 1300ms);
}

TEST(SlowPeer, EachCommandBeginsTheWaitAnew) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  SocketStream stream(pair[0], "peer");
  stream.set_answer_limit(400ms);
  const auto peer = adopt_descriptor(pair[1]);
  std::array<char, 1> octet;
  for (int i = 0; i < 4; ++i) {
    EXPECT_THROW((void)stream.read_some(octet, Deadline::in(150ms)), Failure);
    stream.write_all("NOOP\r\n", soon());
    peer->write_all("x", soon());
    EXPECT_EQ(stream.read_some(octet, soon()), 1U);
  }
}

TEST(SlowPeer, OctetsBuyTime) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  SocketStream stream(pair[0], "peer");
  stream.set_answer_limit(50ms);
  const auto peer = adopt_descriptor(pair[1]);
  peer->write_all(std::string(2000, 'x'), soon());
  std::array<char, 4096> buffer;
  EXPECT_EQ(stream.read_some(buffer, soon()), 2000U);
  const auto begin = Clock::now();
  EXPECT_THROW((void)stream.read_some(buffer, Deadline::in(200ms)), Failure);
  EXPECT_GE(Clock::now() - begin, 190ms) << "four seconds more were earned";
}

}  // namespace
}  // namespace mailstead::net
