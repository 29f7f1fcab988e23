// The dispatcher with real destinations in a temporary directory, of which one may be broken and mended.
#include "agent/delivery/dispatcher.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "tests/unit/agent/world.h"

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kPatience = 20s;

class DispatcherTest : public World {
 protected:
  // "open" is a Maildir. "shut" is one, too, below a file that is no directory.
  void SetUp() override {
    configure(R"("destinations": {"open": {"type": "maildir", "path": ")" + directory +
              R"(/open"}, "shut": {"type": "maildir", "path": ")" + directory +
              R"(/blocked/shut"}, "paced": {"type": "maildir", "path": ")" + directory +
              R"(/paced", "rate": {"messages": 3, "per": "1h"}},
                                  "home": {"type": "mailbox", "user": "me"}},
                 "default_destination": "home", "host_name": "agent.example")");
    block();
  }
  // Nothing is woken while the workers end.
  void TearDown() override { lot_.stop(); }
  void block() { std::ofstream(directory + "/blocked") << "in the way\n"; }
  void unblock() {
    std::filesystem::remove(directory + "/blocked");
    std::filesystem::create_directory(directory + "/blocked");
  }

  void queue(const std::string& destination, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string bytes = "Subject: " + std::to_string(++uid_) + "\r\n\r\nbody\r\n";
      const auto facts = mail::scan_message(bytes);
      storage::Acceptance acceptance;
      acceptance.source = {"work", "INBOX", 1, uid_, ""};
      acceptance.now = acceptance.internal_date = time.wall();
      acceptance.size = bytes.size();
      acceptance.fingerprint = facts.fingerprint;
      acceptance.contents.push_back({std::make_shared<mail::MemoryContent>(bytes), facts.content, facts.header.size(),
                                     mail::encode_structure(facts.structure)});
      storage::NewDelivery delivery;
      delivery.destination = destination;
      delivery.internal_date = time.wall();
      acceptance.deliveries.push_back(delivery);
      store->acceptor().accept(std::move(acceptance), [](const auto&) {});
    }
    store->acceptor().flush();
  }
  [[nodiscard]] std::size_t delivered(const std::string& maildir) const {
    std::error_code none;
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& file :
         std::filesystem::directory_iterator(directory + "/" + maildir + "/new", none))
      ++count;
    return count;
  }
  [[nodiscard]] std::size_t tried() const {
    const auto all = store->queue().list();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const auto& delivery) { return delivery.attempts > 0; }));
  }
  template <typename Condition>
  [[nodiscard]] static bool comes_true(Condition condition) {
    for (const auto end = std::chrono::steady_clock::now() + kPatience; std::chrono::steady_clock::now() < end;) {
      if (condition()) return true;
      std::this_thread::sleep_for(2ms);
    }
    return condition();
  }

  // Again and again: the first kick may come before the failure that it is to forget.
  [[nodiscard]] bool is_emptied_by(Dispatcher& dispatcher) {
    return comes_true([&] {
      time.pass(1h);
      dispatcher.kick();
      return store->queue().size() == 0;
    });
  }

  DispatchCounts run_once() {
    Dispatcher dispatcher(*store, time, log_, lot_, pool_);
    return dispatcher.run_once(config, {});
  }

  MovedClock time;
  Log log_{LogConfig{LogConfig::Level::kQuiet, LogConfig::Format::kText}};
  net::ParkingLot lot_;
  net::WorkerPool pool_{"test", 4};
  storage::Uid uid_ = 0;
};

TEST_F(DispatcherTest, ADestinationThatIsDownIsTriedByOneMessageAndDelaysNoOther) {
  queue("shut", 200);
  queue("open", 100);
  const DispatchCounts counts = run_once();
  EXPECT_EQ(counts.delivered, 100U);
  EXPECT_EQ(counts.deferred, 1U);
  EXPECT_EQ(delivered("open"), 100U);
  EXPECT_EQ(store->queue().waiting("shut"), 200U);
  EXPECT_EQ(tried(), 1U) << "the rest waits untouched";
}

TEST_F(DispatcherTest, OnceItWorksAgainAllFollowAtOnce) {
  queue("shut", 150);
  Dispatcher dispatcher(*store, time, log_, lot_, pool_);
  dispatcher.apply(config);
  ASSERT_TRUE(comes_true([&] { return tried() > 0; }));
  unblock();
  EXPECT_TRUE(is_emptied_by(dispatcher));
  EXPECT_EQ(delivered("blocked/shut"), 150U);
  dispatcher.stop();
}

TEST_F(DispatcherTest, ARateIsKept) {
  queue("paced", 10);
  EXPECT_EQ(run_once().delivered, 3U);
  EXPECT_EQ(delivered("paced"), 3U);
  EXPECT_EQ(store->queue().size(), 7U);
  EXPECT_EQ(tried(), 0U);
}

TEST_F(DispatcherTest, WhatIsHeldStays) {
  queue("open", 3);
  const auto held = store->queue().list().at(1).id;
  EXPECT_THAT(store->queue().hold({held}, time.wall()), IsEmpty());
  EXPECT_EQ(run_once().delivered, 2U);
  ASSERT_THAT(store->queue().list(), SizeIs(1));
  EXPECT_EQ(store->queue().list()[0].id, held);
}

TEST_F(DispatcherTest, WhatADestinationThatIsGoneWasToGetWaitsUntouched) {
  queue("nowhere", 2);
  queue("open", 1);
  EXPECT_EQ(run_once().delivered, 1U);
  EXPECT_EQ(store->queue().waiting("nowhere"), 2U);
  EXPECT_EQ(tried(), 0U);
}

TEST_F(DispatcherTest, InALongOutageWhatIsTooOldComesBackWithoutATryOfItsOwn) {
  queue("shut", 5);
  Dispatcher dispatcher(*store, time, log_, lot_, pool_);
  dispatcher.apply(config);
  ASSERT_TRUE(comes_true([&] { return tried() == 1; }));
  time.pass(config->retry.give_up + 1h);
  // One is tried and fails, in an outage that is long by now: all are too old.
  EXPECT_TRUE(is_emptied_by(dispatcher)) << store->queue().size();
  dispatcher.stop();
  const auto kept = bodies("Undelivered");
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(),
                          [](const auto& body) { return body.find("Action: failed") != body.npos; }),
            5);
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(), [](const auto& body) { return body.starts_with("Subject: "); }), 5)
      << "the messages themselves";
}

TEST_F(DispatcherTest, AnOutageIsReportedOnceWithTheNumberOfThoseThatWait) {
  queue("shut", 7);
  time.pass(5h);
  (void)run_once();
  EXPECT_EQ(tried(), 1U);
  const auto reports = bodies("Undelivered");
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_NE(reports[0].find("Action: delayed"), std::string::npos);
  EXPECT_NE(reports[0].find("besides it: 6."), std::string::npos);
}

}  // namespace
}  // namespace mailstead::agent
