// A first download by several connections, each to a small server of its own with the same mailbox.
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/imap/client/download_crew.h"
#include "connectors/imap/client/retriever.h"
#include "mail/failure.h"
#include "tests/support/retrieval_fakes.h"
#include "tests/support/small_imap_server.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using testing::MemoryLedger;
using testing::RecordingSink;
using testing::SmallImapServer;
using testing::SmallImapStream;

constexpr std::uint32_t kMessages = 1200;
constexpr std::chrono::seconds kPatience{20};

// Opens when a helper has asked for bodies, so that the first connection cannot be done before.
class Gate {
 public:
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool pass() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

std::string octets_of(std::uint32_t uid) {
  return "Subject: m" + std::to_string(uid) + "\r\n\r\n";
}

std::set<std::uint32_t> named_in(const std::vector<std::string>& commands) {
  std::set<std::uint32_t> uids;
  for (const std::string& command : commands) {
    if (!command.starts_with("UID FETCH ") || command.find("BODY") == std::string::npos) continue;
    const std::string rest = command.substr(10);
    const auto set = SequenceSet::parse(rest.substr(0, rest.find(' ')));
    for (const auto& range : set.value().ranges())
      for (auto uid = range.first; uid <= range.last; ++uid) uids.insert(uid);
  }
  return uids;
}

struct World {
  explicit World(std::size_t connections) : sink(ledger) {
    settings.name = "a";
    settings.endpoint.host = "127.0.0.1";
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.credentials.user = "alice";
    settings.credentials.password = [this] {
      EXPECT_EQ(std::this_thread::get_id(), own);
      return mail::Secret("secret");
    };
    settings.connections = connections;
    for (std::size_t i = 0; i < 3; ++i) {
      servers.push_back(std::make_unique<SmallImapServer>());
      for (std::uint32_t uid = 1; uid <= kMessages; ++uid) servers.back()->messages[uid] = octets_of(uid);
    }
    // The first waits for a helper at its first bodies, or for what ends the helper.
    first().before = [this](std::string_view verb) {
      EXPECT_TRUE(verb != "UID FETCH BODY" || !waits || helped.pass());
      return std::string();
    };
    for (std::size_t i = 1; i < 3; ++i)
      servers[i]->before = [this](std::string_view verb) {
        if (verb == "UID FETCH BODY") helped.open();
        return std::string();
      };
  }
  SmallImapServer& first() { return *servers[0]; }
  SmallImapServer& second() { return *servers[1]; }

  void poll(retrieval::MessageSink* into = nullptr) {
    auto retriever = make_retriever(
        settings,
        [this](const net::Endpoint&, const net::Deadline& deadline) -> std::unique_ptr<net::Stream> {
          const std::size_t index = dialled++;
          if (index > 0 && hang_in_dialling) hang(deadline.stop);
          if (index > 0 && refuse_dialling) {
            helped.open();
            throw Failure(FailureKind::kTemporary, FailureScope::kAccount, "no route");
          }
          return std::make_unique<SmallImapStream>(*servers.at(index));
        },
        "");
    retrieval::PollObserver observer;
    failure.reset();
    try {
      result =
          retriever->poll(ledger, into != nullptr ? *into : sink, observer, {}, mail::WallTime{}, stop.get_token());
    } catch (const Failure& thrown) {
      failure = thrown;
    }
    EXPECT_EQ(sink.misuse, "");
    EXPECT_FALSE(sink.open());
  }
  // As a server that does not answer, until somebody calls it off.
  void hang(const std::stop_token& called_off) {
    Gate gate;
    std::stop_callback callback(called_off, [&] { gate.open(); });
    EXPECT_TRUE(gate.pass());
    helped.open();
    throw Failure(FailureKind::kCancelled, FailureScope::kAccount, "stopped on request");
  }
  void expect_all_once() {
    EXPECT_FALSE(failure) << failure->text();
    std::map<std::uint32_t, int> times;
    for (const auto& message : sink.messages) {
      ++times[message.facts.source.uid];
      EXPECT_EQ(message.content, octets_of(message.facts.source.uid));
      EXPECT_EQ(message.facts.source.uid_validity, 7U);
    }
    EXPECT_EQ(times.size(), kMessages);
    EXPECT_EQ(sink.messages.size(), kMessages);
    EXPECT_EQ(result.fetched, kMessages);
    mail::ByteCount bytes = 0;
    for (std::uint32_t uid = 1; uid <= kMessages; ++uid) bytes += octets_of(uid).size();
    EXPECT_EQ(result.bytes, bytes);
    EXPECT_EQ(ledger.folders["INBOX"].done_through, kMessages);
    EXPECT_TRUE(ledger.kept_troubles.empty());
  }

  const std::thread::id own = std::this_thread::get_id();
  MemoryLedger ledger;
  RecordingSink sink;
  retrieval::AccountSettings settings;
  std::vector<std::unique_ptr<SmallImapServer>> servers;
  std::atomic<std::size_t> dialled = 0;
  bool refuse_dialling = false, hang_in_dialling = false, waits = true;
  std::stop_source stop;
  Gate helped;
  retrieval::PollResult result;
  std::optional<Failure> failure;
};

TEST(DownloadCrew, SharesAFirstDownload) {
  World world(2);
  world.poll();
  world.expect_all_once();
  EXPECT_TRUE(world.result.warnings.empty());
  EXPECT_EQ(world.dialled, 2U);
  const auto first = named_in(world.first().commands), second = named_in(world.second().commands);
  EXPECT_FALSE(second.empty());
  EXPECT_EQ(first.size() + second.size(), kMessages);
  for (const std::string& command : world.second().commands) EXPECT_FALSE(command.starts_with("SELECT"));
}

TEST(DownloadCrew, ThreeConnectionsAreTheMost) {
  World world(3);
  world.poll();
  world.expect_all_once();
  EXPECT_EQ(world.dialled, 3U);
}

TEST(DownloadCrew, OneConnectionIsTheDefaultAndEnoughForAFewMessages) {
  World world(1);
  world.waits = false;
  world.poll();
  world.expect_all_once();
  EXPECT_EQ(world.dialled, 1U);
  World few(3);
  few.waits = false;
  few.first().messages.erase(few.first().messages.upper_bound(kWorthHelpers - 1), few.first().messages.end());
  few.poll();
  EXPECT_FALSE(few.failure);
  EXPECT_EQ(few.result.fetched, kWorthHelpers - 1);
  EXPECT_EQ(few.dialled, 1U);
}

TEST(DownloadCrew, AsksWhetherAFurtherConnectionMayBeOpened) {
  World world(3);
  world.waits = false;
  int asked = 0;
  world.settings.may_connect = [&] {
    ++asked;
    return false;
  };
  world.poll();
  world.expect_all_once();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(world.dialled, 1U);
}

TEST(DownloadCrew, AHelperThatBreaksInAMessageLosesAndDoublesNothing) {
  World world(2);
  // Whichever share it gets: a UID in it, whole, then one that is cut.
  auto before = world.second().before;
  bool said = false;
  world.second().before = [&, before](std::string_view verb) {
    std::string out = before(verb);
    if (verb != "UID FETCH BODY" || std::exchange(said, true)) return out;
    const std::uint32_t uid = *named_in(world.second().commands).begin();
    const std::string octets = octets_of(uid);
    return out + "* 1 FETCH (UID " + std::to_string(uid) + " BODY[] {" + std::to_string(octets.size()) + "}\r\n" +
           octets + ")\r\n* 2 FETCH (UID " + std::to_string(uid + 1) + " BODY[] {100}\r\nSubject:";
  };
  world.second().instead = [](std::string_view verb, const std::string&) -> std::optional<std::string> {
    if (verb != "UID FETCH BODY") return std::nullopt;
    return "";
  };
  world.poll();
  world.expect_all_once();
  ASSERT_EQ(world.result.warnings.size(), 1U);
  EXPECT_NE(world.result.warnings[0].find("a further connection for the download was given up"), std::string::npos);
  const auto first = named_in(world.first().commands);
  const std::uint32_t taken = *named_in(world.second().commands).begin();
  EXPECT_FALSE(first.contains(taken)) << "what the helper had whole was fetched again";
  EXPECT_TRUE(first.contains(taken + 1));
  // The one that was cut comes last, alone.
  EXPECT_TRUE(world.first().commands.back().starts_with("UID FETCH " + std::to_string(taken + 1) + " ("))
      << world.first().commands.back();
}

TEST(DownloadCrew, WhatAHelperIsNotSentIsAskedForByTheFirst) {
  World world(2);
  world.second().messages.erase(world.second().messages.begin(), world.second().messages.find(kMessages));
  world.poll();
  world.expect_all_once();
}

TEST(DownloadCrew, AMessageNobodyIsSentIsMissedOnceAndForItsUid) {
  World world(2);
  world.first().before = nullptr;
  const auto silent = [](SmallImapServer& server) {
    server.instead = [&server](std::string_view verb, const std::string& tag) -> std::optional<std::string> {
      if (verb != "UID FETCH BODY") return std::nullopt;
      std::string out;
      const std::string& command = server.commands.back();
      const std::string rest = command.substr(10);
      const auto set = SequenceSet::parse(rest.substr(0, rest.find(' ')));
      for (const auto& range : set.value().ranges())
        for (auto uid = range.first; uid <= range.last; ++uid)
          if (uid != 900)
            out += "* 1 FETCH (UID " + std::to_string(uid) + " BODY[] {" + std::to_string(octets_of(uid).size()) +
                   "}\r\n" + octets_of(uid) + ")\r\n";
      return out + tag + " OK done\r\n";
    };
  };
  for (auto& server : world.servers) silent(*server);
  world.poll();
  EXPECT_FALSE(world.failure);
  EXPECT_EQ(world.result.fetched, kMessages - 1);
  ASSERT_EQ(world.ledger.kept_troubles.size(), 1U);
  EXPECT_EQ(world.ledger.kept_troubles.begin()->first.second, 900U);
  EXPECT_EQ(world.ledger.kept_troubles.begin()->second.attempts, 1U);
  EXPECT_EQ(world.ledger.folders["INBOX"].done_through, 899U);
}

TEST(DownloadCrew, ARefusedSignInLeavesAllToTheFirst) {
  World world(3);
  for (std::size_t i = 1; i < 3; ++i)
    world.servers[i]->instead = [&](std::string_view verb, const std::string& tag) -> std::optional<std::string> {
      if (verb != "AUTHENTICATE") return std::nullopt;
      world.helped.open();
      return tag + " NO [LIMIT] too many connections\r\n";
    };
  world.poll();
  world.expect_all_once();
  EXPECT_TRUE(named_in(world.second().commands).empty());
}

TEST(DownloadCrew, APasswordThatCannotBeAskedForAgainLeavesAllToTheFirst) {
  World world(3);
  world.waits = false;
  world.settings.credentials.password = [asked = 0]() mutable {
    if (++asked > 1) throw Failure(FailureKind::kTemporary, FailureScope::kAccount, "the agent is locked");
    return mail::Secret("secret");
  };
  world.poll();
  world.expect_all_once();
  EXPECT_EQ(world.dialled, 1U);
  ASSERT_EQ(world.result.warnings.size(), 1U);
  EXPECT_NE(world.result.warnings.front().find("the agent is locked"), std::string::npos);
}

TEST(DownloadCrew, AConnectionThatCannotBeDialledLeavesAllToTheFirst) {
  World world(2);
  world.refuse_dialling = true;
  world.poll();
  world.expect_all_once();
}

TEST(DownloadCrew, AHelperThatIsStillConnectingAtTheEndIsCalledOff) {
  World world(3);
  world.waits = false;
  world.hang_in_dialling = true;
  world.poll();
  world.expect_all_once();
  EXPECT_TRUE(world.result.warnings.empty());
}

TEST(DownloadCrew, AStopOfThePollReachesTheHelpers) {
  World world(2);
  world.hang_in_dialling = true;
  auto before = world.first().before;
  world.first().before = [&, before](std::string_view verb) {
    if (verb == "UID FETCH BODY") world.stop.request_stop();
    return before(verb);  // until the helper has seen it
  };
  world.poll();
  EXPECT_EQ(world.dialled, 2U);
}

TEST(DownloadCrew, HelpersSayGoodbye) {
  World world(2);
  world.poll();
  EXPECT_EQ(world.second().commands.back(), "LOGOUT");
}

TEST(DownloadCrew, AHelperInAnotherMailboxTakesNothing) {
  World world(2);
  world.second().instead = [&](std::string_view verb, const std::string& tag) -> std::optional<std::string> {
    if (verb != "EXAMINE") return std::nullopt;
    world.helped.open();
    return "* 1200 EXISTS\r\n* OK [UIDVALIDITY 8] x\r\n* OK [UIDNEXT 1201] x\r\n" + tag + " OK done\r\n";
  };
  world.poll();
  world.expect_all_once();
  EXPECT_TRUE(named_in(world.second().commands).empty());
}

// Fails at one message, whoever brings it.
class FullSink final : public retrieval::MessageSink {
 public:
  FullSink(RecordingSink& sink, std::thread::id own) : sink_(sink), own_(own) {}
  void begin(const retrieval::Incoming& message) override {
    if (std::this_thread::get_id() != own_) {
      by_helper = true;
      throw Failure(FailureKind::kStorage, FailureScope::kProcess, "the disk is full");
    }
    sink_.begin(message);
  }
  void append(std::string_view bytes) override { sink_.append(bytes); }
  void end() override { sink_.end(); }
  void abort() noexcept override { sink_.abort(); }
  void skipped(const retrieval::Incoming& message, const std::string& reason) override {
    sink_.skipped(message, reason);
  }
  void flush() override { sink_.flush(); }
  std::vector<storage::SourceRef> take_durable() override { return sink_.take_durable(); }

  bool by_helper = false;

 private:
  RecordingSink& sink_;
  std::thread::id own_;
};

TEST(DownloadCrew, AFailureOfTheSinkOnAHelpersThreadIsThePolls) {
  World world(2);
  FullSink full(world.sink, world.own);
  world.poll(&full);
  EXPECT_TRUE(full.by_helper);
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->kind(), FailureKind::kStorage);
  EXPECT_EQ(world.failure->scope(), FailureScope::kProcess);
  EXPECT_EQ(world.failure->text(), "the disk is full");
}

TEST(DownloadCrew, AMessageThatTheSinkRefusesIsNotedForItsUid) {
  World world(2);
  world.sink.refuse_uid = 1000;
  world.poll();
  EXPECT_FALSE(world.failure);
  EXPECT_EQ(world.result.fetched, kMessages - 1);
  ASSERT_EQ(world.ledger.kept_troubles.size(), 1U);
  EXPECT_EQ(world.ledger.kept_troubles.begin()->first.second, 1000U);
  EXPECT_EQ(world.ledger.kept_troubles.begin()->second.reason, "poison");
}

TEST(SharedSink, LargeMessagesOfTwoThreadsComeWholeOneAfterTheOther) {
  MemoryLedger ledger;
  RecordingSink sink(ledger);
  SharedSink shared(sink);
  const auto write = [&](storage::Uid from) {
    SharedSink::Part part(shared);
    for (storage::Uid uid = from; uid < from + 5; ++uid) {
      retrieval::Incoming message;
      message.source.folder = "INBOX";
      message.source.uid = uid;
      part.begin(message);
      const std::string piece(100'000, static_cast<char>('a' + uid % 26));
      for (int i = 0; i < 25; ++i) part.append(piece);
      part.end();
    }
    EXPECT_EQ(part.ended().size(), 5U);
    EXPECT_EQ(part.ended_bytes(), 5U * 25 * 100'000);
  };
  {
    std::jthread other([&] { write(100); });
    write(1);
  }
  sink.flush();
  EXPECT_EQ(sink.misuse, "");
  ASSERT_EQ(sink.messages.size(), 10U);
  for (const auto& message : sink.messages)
    EXPECT_EQ(message.content, std::string(2'500'000, static_cast<char>('a' + message.facts.source.uid % 26)));
}

TEST(SharedSink, AnAbandonedMessageIsUndoneAndGivesTheTurnBack) {
  MemoryLedger ledger;
  RecordingSink sink(ledger);
  SharedSink shared(sink);
  retrieval::Incoming message;
  {
    SharedSink::Part part(shared);
    part.begin(message);
    part.append(std::string(kHeldInMemory + 1, 'x'));
    EXPECT_TRUE(sink.open());
  }
  EXPECT_FALSE(sink.open());
  EXPECT_EQ(sink.aborted, 1);
  SharedSink::Part small(shared);
  small.begin(message);
  small.append("x");
  small.abort();
  EXPECT_EQ(sink.aborted, 1) << "it never began there";
  std::jthread([&] {
    SharedSink::Part other(shared);
    other.begin(message);
    other.end();
  }).join();
  sink.flush();
  EXPECT_EQ(sink.messages.size(), 1U);
}

TEST(ShareQueue, SharesBecomeSmallerAndWhatFailedComesLast) {
  std::vector<Listed> messages(1000);
  for (std::size_t i = 0; i < messages.size(); ++i) messages[i].uid = static_cast<storage::Uid>(i + 1);
  ShareQueue queue(messages, 2);
  auto helpers = queue.take_for_helper();
  ASSERT_EQ(helpers.size(), 250U);
  EXPECT_EQ(queue.take().size(), 187U);
  std::vector<Listed> last{helpers.front()};
  helpers.erase(helpers.begin());
  queue.give_back(helpers, last);
  EXPECT_EQ(queue.take().size(), 249U);
  std::size_t taken = 187 + 249;
  std::size_t before = 187;
  for (auto share = queue.take(); share.size() > 1; share = queue.take()) {
    EXPECT_LE(share.size(), before);
    before = share.size();
    taken += share.size();
  }
  EXPECT_EQ(taken, 999U);
  EXPECT_TRUE(queue.take().empty());
  EXPECT_TRUE(queue.take_for_helper().empty());
}

}  // namespace
}  // namespace mailstead::imap
