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
      return std::make_unique<SessionStream>(factory({"127.0.0.1", true, false}, {}));
    };
    retrieval::PollObserver observer;
    return make_retriever(settings, dialer)->poll(ledger, sink, observer, {}, clock.wall(), {});
  }
  ServedStore served;
  ManualClock clock;
  retrieval::AccountSettings settings;
  FakeLedger ledger;
  FakeSink sink{ledger};
  int dialled = 0;
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
