// Our client against our server, in memory: every byte comes home, deletions are true after QUIT.
#include <gtest/gtest.h>

#include <random>

#include "connectors/pop3/client/retriever.h"
#include "connectors/pop3/server/session.h"
#include "tests/unit/pop3/pop3_fakes.h"
#include "tests/unit/pop3/served_store.h"

namespace mailstead::pop3 {
namespace {

using testing::FakeLedger;
using testing::FakeSink;
using testing::ManualClock;
using testing::ServedStore;
using testing::SessionStream;

// Counts how often the client waits for an answer: the round trips of a session behind the connection's own.
class CountingStream final : public testing::ClientStream {
 public:
  CountingStream(std::unique_ptr<net::Stream> inner, int& flights) : inner_(std::move(inner)), flights_(flights) {}
  std::size_t read_some(std::span<char> into, const net::Deadline& deadline) override {
    if (std::exchange(asked_, false)) ++flights_;
    return inner_->read_some(into, deadline);
  }
  void write_all(std::string_view bytes, const net::Deadline& deadline) override {
    asked_ = true;
    inner_->write_all(bytes, deadline);
  }
  void close() noexcept override { inner_->close(); }

 private:
  std::unique_ptr<net::Stream> inner_;
  int& flights_;
  bool asked_ = true;  // the greeting is waited for
};

class Loop {
 public:
  explicit Loop(const std::vector<std::string>& messages) : served(messages) {
    settings.name = "loop";
    settings.credentials.user = "alice";
    settings.credentials.password = [] { return mail::Secret("secret word"); };
  }
  retrieval::PollResult poll() {
    auto factory = make_session_factory(
        {served.store(), testing::keys_of_alice, clock, "localhost", false, make_maildrop_locks()});
    auto dialer = [factory, this](const net::Endpoint&, const net::Deadline&) {
      ++dialled;
      return std::make_unique<CountingStream>(std::make_unique<SessionStream>(factory({"127.0.0.1", true, false}, {})),
                                              flights);
    };
    retrieval::PollObserver observer;
    flights = 0;
    auto retriever = make_retriever(settings, dialer, remembered);
    auto result = retriever->poll(ledger, sink, observer, {}, clock.wall(), {});
    remembered = retriever->remembered();
    return result;
  }
  ServedStore served;
  ManualClock clock;
  retrieval::AccountSettings settings;
  FakeLedger ledger;
  FakeSink sink{ledger};
  int dialled = 0;
  int flights = 0;  // of the last poll
  std::string remembered;
};

std::vector<std::string> odd_messages(std::size_t count) {
  std::mt19937 random(11);  // NOLINT: the same messages each time
  const char* const parts[] = {".",        "..",        "\r\n", "a", ".\r\n", "\r\n.\r\n", "Subject: x\r\n",
                               "\xff\x80", "long line "};
  std::vector<std::string> messages;
  for (std::size_t i = 0; i < count; ++i) {
    std::string message = "X-Number: " + std::to_string(i) + "\r\n";
    for (auto n = random() % 200; n > 0; --n) message += parts[random() % std::size(parts)];
    messages.push_back(message + "\r\n");
  }
  return messages;
}

TEST(Pop3Loop, BringsEveryByteHome) {
  auto messages = odd_messages(300);
  messages.push_back("");
  messages.push_back("\r\n");
  messages.push_back("Subject: large\r\n\r\n" + std::string(3'000'000, 'x') + "\r\n");
  Loop loop(messages);
  EXPECT_EQ(loop.poll().fetched, messages.size());
  ASSERT_EQ(loop.sink.ended.size(), messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ASSERT_EQ(loop.sink.ended[i].bytes, messages[i]) << i;
    ASSERT_EQ(loop.sink.ended[i].incoming.size_hint, messages[i].size()) << i;
  }
  EXPECT_EQ(loop.poll().fetched, 0U);
}

// From connect to close there is one more, and another with TLS: at most 8 with new mail, at most 6 without.
TEST(Pop3Loop, TakesFewRoundTrips) {
  struct Case {
    const char* mechanism;
    int first, nothing_new, more, with_deletion;
  };
  // The greeting; CAPA, at the first poll alone; the sign-in with the listing; RETR; DELE and QUIT.
  for (const Case& row : {Case{"plain", 4, 2, 3, 4}, Case{"scram-sha-256", 6, 4, 5, 6}}) {
    SCOPED_TRACE(row.mechanism);
    Loop loop(odd_messages(20));
    loop.settings.credentials.mechanism = row.mechanism;
    EXPECT_EQ(loop.poll().fetched, 20U);
    EXPECT_EQ(loop.flights, row.first);
    EXPECT_EQ(loop.poll().fetched, 0U);
    EXPECT_EQ(loop.flights, row.nothing_new);
    loop.ledger.known.erase(loop.ledger.known.begin());
    EXPECT_EQ(loop.poll().fetched, 1U);
    EXPECT_EQ(loop.flights, row.more);
    loop.ledger.known.clear();
    loop.settings.after_fetch = retrieval::AfterFetch::kDelete;
    EXPECT_EQ(loop.poll().cleaned, 20U);
    EXPECT_EQ(loop.flights, row.with_deletion);
  }
}

TEST(Pop3Loop, DeletesWhatIsDurableInSeveralSessions) {
  Loop loop(odd_messages(2100));
  loop.settings.after_fetch = retrieval::AfterFetch::kDelete;
  auto result = loop.poll();
  EXPECT_EQ(result.fetched, 2100U);
  EXPECT_EQ(result.cleaned, 2100U);
  EXPECT_EQ(loop.served.count(), 0U);
  EXPECT_EQ(loop.dialled, 3);
  EXPECT_TRUE(loop.ledger.known.empty());
}

TEST(Pop3Loop, DeletesLeftOversInSeveralSessionsWithoutDownloading) {
  Loop loop(odd_messages(1500));
  (void)loop.poll();
  EXPECT_EQ(loop.served.count(), 1500U);
  for (const auto& uidl : loop.ledger.known) loop.ledger.cleanups[uidl] = loop.clock.wall();
  loop.settings.after_fetch = retrieval::AfterFetch::kDelete;
  auto result = loop.poll();
  EXPECT_EQ(result.fetched, 0U);
  EXPECT_EQ(result.cleaned, 1500U);
  EXPECT_EQ(loop.served.count(), 0U);
}

}  // namespace
}  // namespace mailstead::pop3
