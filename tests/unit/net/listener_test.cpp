#include "connectors/net/listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "tests/unit/net/listener_world.h"

namespace mailstead::net {
namespace {

using namespace listener_world;

TEST(Listener, DrivesASession) {
  Server server;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  client.say("ECHO one\r\nECHO two\r\nECHO ");
  EXPECT_EQ(client.line(), "one");
  EXPECT_EQ(client.line(), "two");
  client.say("three\r\nQUIT\r\nECHO never\r\n");
  EXPECT_EQ(client.line(), "three");
  EXPECT_EQ(client.line(), "bye");
  EXPECT_TRUE(client.closed());
  ASSERT_TRUE(server.world.wait([&] { return !server.world.log.empty(); }));
  EXPECT_EQ(server.world.get(&World::log).front(), "test: 127.0.0.1: said \"bye\"\\x0A");
}

TEST(Listener, TakesInputOctetByOctet) {
  Server server;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  for (char c : std::string_view("ECHO slow\r\n")) client.say({&c, 1});
  std::string line = client.line();
  while (line == "* woken") line = client.line();
  EXPECT_EQ(line, "slow");
}

TEST(Listener, SpeaksTlsFromTheStart) {
  Server server({.tls = TlsMode::kImplicit});
  Client client(server.connect());
  client.tls();
  EXPECT_EQ(client.line(), "hello over TLS");
  EXPECT_EQ(server.world.get(&World::tls_started), 1);
  // More than a TLS record at once: what is decrypted already must not be forgotten when parking.
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "ECHO line " + std::to_string(i) + "\r\n";
  std::jthread writer([&] { client.say(many); });
  writer.join();
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(client.line(), "line " + std::to_string(i));
}

TEST(Listener, StartsTlsWhenAsked) {
  Server server({.tls = TlsMode::kStartTls});
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  client.say("TLS\r\n");
  EXPECT_EQ(client.line(), "go");
  client.reader.require_empty();
  client.tls();
  client.say("ECHO private\r\n");
  std::string line = client.line();
  while (line == "* woken") line = client.line();
  EXPECT_EQ(line, "private");
  EXPECT_EQ(server.world.get(&World::tls_started), 1);
}

TEST(Listener, CompressesWhenTheSessionAsksForIt) {
  for (TlsMode tls : {TlsMode::kNone, TlsMode::kImplicit}) {
    Server server({.tls = tls});
    Client client(server.connect());
    if (tls == TlsMode::kImplicit) client.tls();
    (void)client.line();
    client.say("DEFLATE\r\n");
    EXPECT_EQ(client.line(), "go");
    client.deflate();
    // Parked and woken in between: by input in pieces, by news, and by a peer that reads slowly.
    for (int i = 0; i < 20; ++i) {
      client.say("ECHO round ");
      client.say(std::to_string(i) + "\r\n");
      std::string line = client.line();
      while (line == "* woken") line = client.line();
      EXPECT_EQ(line, "round " + std::to_string(i));
    }
    server.world.get(&World::wakes).front()();
    EXPECT_EQ(client.line(), "* woken");
    std::string many;
    for (int i = 0; i < 5000; ++i) many += "ECHO line " + std::to_string(i) + "\r\n";
    std::jthread writer([&] { client.say(many); });
    writer.join();
    for (int i = 0; i < 5000; ++i) {
      std::string line = client.line();
      while (line == "* woken") line = client.line();
      ASSERT_EQ(line, "line " + std::to_string(i));
    }
    client.say("BIG 900000\r\n");
    std::size_t got = 0;
    client.reader.read_exactly(900'000, std::chrono::seconds(20), soon(), [&](std::string_view piece) {
      got += piece.size();
      EXPECT_EQ(piece.find_first_not_of('b'), std::string_view::npos);
    });
    EXPECT_EQ(got, 900'000U);
    client.say("QUIT\r\n");
    std::string line = client.line();
    while (line == "* woken") line = client.line();
    EXPECT_EQ(line, "bye");
  }
}

TEST(Listener, EndsAtCompressedInputThatIsNone) {
  Server server;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  client.say("DEFLATE\r\nECHO in the clear\r\n");
  EXPECT_EQ(client.line(), "go");
  EXPECT_TRUE(client.closed());
  ASSERT_TRUE(server.world.wait([&] { return server.world.ended == 1; }));
  EXPECT_EQ(server.world.get(&World::commands), std::vector<std::string>{"DEFLATE"});
}

TEST(Listener, NeverExecutesWhatCameInTheClearBehindStarttls) {
  Server server({.tls = TlsMode::kStartTls});
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  client.say("TLS\r\nECHO injected\r\n");
  EXPECT_TRUE(client.closed());
  ASSERT_TRUE(server.world.wait([&] { return server.world.ended == 1; }));
  EXPECT_EQ(server.world.get(&World::commands), std::vector<std::string>{"TLS"});
  EXPECT_EQ(server.world.get(&World::tls_started), 0);
}

TEST(Listener, ClearTextInsteadOfAHandshakeEndsTheConnection) {
  Server server({.tls = TlsMode::kStartTls});
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  client.say("TLS\r\n");
  EXPECT_EQ(client.line(), "go");
  client.say("ECHO injected\r\n");
  EXPECT_TRUE(client.closed() || client.closed());
  ASSERT_TRUE(server.world.wait([&] { return server.world.ended == 1; }));
  EXPECT_EQ(server.world.get(&World::commands), std::vector<std::string>{"TLS"});
}

TEST(Listener, ASlowReaderHoldsNoWorkerAndGetsEverything) {
  Server server;
  std::vector<std::unique_ptr<Client>> slow;
  constexpr std::size_t kBig = 20'000'000;  // more than the sockets hold
  for (int i = 0; i < 4; ++i) {             // more than there are workers
    slow.push_back(std::make_unique<Client>(server.connect()));
    EXPECT_EQ(slow.back()->line(), "hello");
    slow.back()->say("BIG " + std::to_string(kBig) + "\r\n");
  }
  Client quick(server.connect());
  EXPECT_EQ(quick.line(), "hello");
  quick.say("ECHO still here\r\n");
  EXPECT_EQ(quick.line(), "still here");
  // advance() was not called for output that nobody takes.
  {
    std::lock_guard lock(server.world.mutex);
    EXPECT_LT(server.world.advances, 4 * static_cast<int>(kBig / kOutputHighWater));
  }
  for (auto& client : slow) {
    std::size_t got = 0;
    client->reader.read_exactly(kBig, 20s, soon(), [&](std::string_view chunk) { got += chunk.size(); });
    EXPECT_EQ(got, kBig);
  }
}

TEST(Listener, ServesTwoHundredClientsAtOnce) {
  Server server({.max_connections_per_address = 500});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<Client>(server.connect()));
  for (auto& client : clients) EXPECT_EQ(client->line(), "hello");
  EXPECT_EQ(server.listener->connections(), 200U);
  const std::string command = "ECHO to everyone\r\n";
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i]->say(command.substr(0, i % command.size()));
  // Every eighth goes away in the middle of its line.
  for (std::size_t i = 0; i < clients.size(); i += 8) clients[i]->stream->close();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i % 8 == 0) continue;
    clients[i]->say(command.substr(i % command.size()));
    EXPECT_EQ(clients[i]->line(), "to everyone") << i;
  }
  ASSERT_TRUE(server.world.wait([&] { return server.world.ended == 25; }));
}

TEST(Listener, SurvivesADisconnectAtEveryOctet) {
  Server server({.tls = TlsMode::kStartTls});
  const std::string script = "ECHO a\r\nBIG 300000\r\nECHO b\r\nTLS\r\n\x16\x03\x01";
  for (std::size_t length = 0; length <= script.size(); ++length) {
    auto stream = server.connect();
    if (length > 0) stream->write_all(script.substr(0, length), soon());
    if (length % 2 == 0) {
      const linger now{1, 0};
      ::setsockopt(stream->descriptor(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
  }
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  client.stream->close();
  // A reset before accept() may leave no connection at all.
  ASSERT_TRUE(server.world.wait([&] { return server.world.ended == server.world.sessions; }));
}

TEST(Listener, ClosesAtTheIdleLimitWithAFarewell) {
  Server server;
  server.world.idle_limit = 1s;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  const auto begin = Clock::now();
  EXPECT_EQ(client.line(), "* tired");
  EXPECT_TRUE(client.closed());
  EXPECT_LT(Clock::now() - begin, 3s);
}

TEST(Listener, WakesDoNotPutTheIdleLimitOff) {
  Server server;
  server.world.idle_limit = 1s;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  const auto begin = Clock::now();
  std::jthread waker([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      server.world.get(&World::wakes).front()();
      std::this_thread::yield();
    }
  });
  std::string line = client.line();
  while (line == "* woken") line = client.line();
  EXPECT_EQ(line, "* tired");
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST(Listener, ClosesOnInputWithoutEnd) {
  Server server;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  try {
    for (int i = 0; i < 10'000; ++i) client.say(std::string(64 * 1024, 'x'));
    FAIL() << "600 MB of one line were taken";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kTemporary);
  }
  ASSERT_TRUE(server.world.wait([&] { return server.world.ended == 1 && !server.world.log.empty(); }));
  EXPECT_NE(server.world.get(&World::log).front().find("input too long"), std::string::npos)
      << server.world.get(&World::log).front();
}

TEST(Listener, ASessionThatThrowsEndsAlone) {
  Server server;
  Client broken(server.connect()), other(server.connect());
  EXPECT_EQ(broken.line(), "hello");
  EXPECT_EQ(other.line(), "hello");
  broken.say("THROW\r\n");
  EXPECT_TRUE(broken.closed());
  other.say("ECHO fine\r\n");
  EXPECT_EQ(other.line(), "fine");
  ASSERT_TRUE(server.world.wait([&] { return !server.world.log.empty(); }));
  EXPECT_NE(server.world.get(&World::log).front().find("the session broke"), std::string::npos);
}

TEST(Listener, EachWakeLeadsToOneMoreAdvance) {
  Server server;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  for (int i = 0; i < 500; ++i) {
    server.world.get(&World::wakes).front()();
    ASSERT_EQ(client.line(), "* woken") << i;
  }
  client.say("ECHO end\r\n");
  EXPECT_EQ(client.line(), "end") << "no wake was answered twice";
}

TEST(Listener, WakesFromManyThreadsDuringInputAndAfterTheEndAreSafe) {
  Server server;
  std::atomic<bool> done = false;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  const auto wake = server.world.get(&World::wakes).front();
  std::vector<std::jthread> wakers;
  for (int i = 0; i < 3; ++i)
    wakers.emplace_back([&] {
      while (!done) {
        wake();
        std::this_thread::yield();
      }
    });
  for (int i = 0; i < 300; ++i) {
    client.say("ECHO " + std::to_string(i) + "\r\n");
    std::string line = client.line();
    while (line == "* woken") line = client.line();
    ASSERT_EQ(line, std::to_string(i));
  }
  client.say("QUIT\r\n");
  while (!client.closed()) continue;
  ASSERT_TRUE(server.world.wait([&] { return server.world.ended == 1; }));
  for (int i = 0; i < 1000; ++i) wake();
  done = true;
  wakers.clear();
  server.listener.reset();
  wake();  // long after everything is gone
}

// With two workers: fifty that rest hold none of them up.
TEST(Listener, ARestingSessionHoldsNoThreadAndHearsNothing) {
  Server server;
  std::vector<std::unique_ptr<Client>> resting;
  for (int i = 0; i < 50; ++i) {
    resting.push_back(std::make_unique<Client>(server.connect()));
    EXPECT_EQ(resting.back()->line(), "hello");
    resting.back()->say("REST 700\r\nECHO after\r\n");
  }
  Client other(server.connect());
  EXPECT_EQ(other.line(), "hello");
  other.say("ECHO at once\r\n");
  EXPECT_EQ(other.line(), "at once");
  {
    const auto commands = server.world.get(&World::commands);
    EXPECT_EQ(std::count(commands.begin(), commands.end(), "ECHO after"), 0);
  }
  for (auto& client : resting) {
    EXPECT_EQ(client->line(), "rested");
    EXPECT_EQ(client->line(), "after");
  }
  EXPECT_LT(server.world.get(&World::advances), 50 * 10) << "parked, not polled";
}

TEST(Listener, AWakeDoesNotEndARest) {
  Server server;
  Client client(server.connect());
  EXPECT_EQ(client.line(), "hello");
  client.say("REST 300\r\n");
  ASSERT_TRUE(server.world.wait([&] { return !server.world.commands.empty(); }));
  for (int i = 0; i < 20; ++i) server.world.get(&World::wakes).front()();
  EXPECT_EQ(client.line(), "rested");
}

TEST(Listener, TellsThoseAboveItsCapsWhy) {
  Server server({.max_connections_per_address = 1, .refusal = "* BYE full\r\n"});
  Client first(server.connect());
  EXPECT_EQ(first.line(), "hello");
  Client second(server.connect());
  EXPECT_EQ(second.line(), "* BYE full");
  EXPECT_TRUE(second.closed());
}

TEST(Listener, ShowsARenewedCertificateToNewClientsAndKeepsTheOthers) {
  Server server({.tls = TlsMode::kImplicit});
  Client before(server.connect());
  before.tls();
  EXPECT_EQ(before.line(), "hello over TLS");
  const auto& files = TestCertificates::shared().leaf(Leaf::kNoAddress);
  server.listener->renew_tls(std::make_shared<const ServerTls>(files.certificate, files.key));
  before.say("ECHO still here\r\n");
  EXPECT_EQ(before.line(), "still here");
  Client after(server.connect());
  after.tls();
  EXPECT_EQ(after.line(), "hello over TLS");
  EXPECT_EQ(after.stream->tls()->peer_fingerprint, files.fingerprint);
  EXPECT_NE(before.stream->tls()->peer_fingerprint, files.fingerprint);
}

TEST(Listener, RefusesAboveItsCaps) {
  Server server({.max_connections = 5, .max_connections_per_address = 3});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(server.connect()));
    EXPECT_EQ(clients.back()->line(), "hello");
  }
  for (int i = 0; i < 4; ++i) {
    Client refused(server.connect());
    EXPECT_TRUE(refused.closed());
  }
  ASSERT_TRUE(server.world.wait([&] { return !server.world.log.empty(); }));
  EXPECT_EQ(server.world.get(&World::log).front(), "test: too many connections: 1 refused, the last from 127.0.0.1");
  clients.front()->say("QUIT\r\n");
  EXPECT_EQ(clients.front()->line(), "bye");
  EXPECT_TRUE(clients.front()->closed());
  ASSERT_TRUE(server.world.wait([&] { return server.world.ended == 1; }));
  // The place is free as soon as the connection is forgotten, a moment after its session ended.
  const auto deadline = Clock::now() + 10s;
  while (server.listener->connections() > 2 && Clock::now() < deadline) std::this_thread::yield();
  Client next(server.connect());
  EXPECT_EQ(next.line(), "hello");
  server.listener->stop();
  const auto log = server.world.get(&World::log);
  EXPECT_NE(std::find(log.begin(), log.end(), "test: too many connections: 3 more were refused"), log.end());
}

TEST(Listener, StopClosesEveryConnectionWithinASecond) {
  for (const TlsMode mode : {TlsMode::kNone, TlsMode::kImplicit}) {
    Server server({.tls = mode});
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<Client>(server.connect()));
    if (mode == TlsMode::kNone) {
      for (auto& client : clients) EXPECT_EQ(client->line(), "hello");
      clients[0]->say("BIG 20000000\r\n");
    }
    const auto begin = Clock::now();
    server.listener->stop();
    EXPECT_LT(Clock::now() - begin, 1s);
    EXPECT_EQ(server.listener->connections(), 0U);
    for (std::size_t i = 1; i < clients.size(); ++i) EXPECT_TRUE(clients[i]->closed());
    EXPECT_THROW((void)server.connect(), Failure);
  }
}

TEST(Listener, EndsWhateverStopsFirst) {
  for (const bool pool_first : {true, false}) {
    Server server;
    Client client(server.connect());
    EXPECT_EQ(client.line(), "hello");
    if (pool_first)
      server.pool.stop();
    else
      server.lot.stop();
    server.listener.reset();
    EXPECT_TRUE(client.closed());
  }
}

TEST(Listener, SaysWhyItCannotListen) {
  Server server;
  struct Row {
    std::string address, says;
  };
  for (const Row& row : {Row{server.listener->address(), "(is another server running?)"},
                         {"127.0.0.1", "HOST:PORT"},
                         {"127.0.0.1:", "HOST:PORT"},
                         {"127.0.0.1:99999", "HOST:PORT"},
                         {"::1:143", "brackets"},
                         {"192.0.2.1:0", "cannot listen on 192.0.2.1:0"}}) {
    try {
      const Listener other({.address = row.address}, {}, server.lot, server.pool);
      ADD_FAILURE() << row.address;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kConfiguration);
      EXPECT_NE(failure.text().find(row.says), std::string::npos) << failure.text();
      EXPECT_NE(failure.text().find(row.address), std::string::npos) << failure.text();
    }
  }
}

}  // namespace
}  // namespace mailstead::net
