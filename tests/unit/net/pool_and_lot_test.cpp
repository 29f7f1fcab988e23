#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLong = 1h;

struct Pair {
  std::array<int, 2> ends{};
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0); }
  ~Pair() {
    for (int end : ends) ::close(end);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  void speak() const { EXPECT_EQ(::write(ends[1], "x", 1), 1); }
};

// Counts down from any thread.
class Count {
 public:
  explicit Count(int left) : left_(left) {}
  void down() {
    std::lock_guard lock(mutex_);
    if (--left_ <= 0) changed_.notify_all();
  }
  [[nodiscard]] bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [this] { return left_ <= 0; });
  }
  [[nodiscard]] int left() {
    std::lock_guard lock(mutex_);
    return left_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int left_;
};

TEST(WorkerPool, RunsTasksInOrderOfSubmission) {
  WorkerPool pool("one", 1);
  std::vector<int> order;
  Count count(100);
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(pool.submit([&, i](const std::stop_token&) {
      order.push_back(i);
      count.down();
    }));
  ASSERT_TRUE(count.wait());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkerPool, ATaskThatThrowsFailsAlone) {
  std::promise<std::string> reported;
  WorkerPool pool("polls", 1, [&](const std::string& text) { reported.set_value(text); });
  Count count(1);
  pool.submit([](const std::stop_token&) { throw std::runtime_error("broken"); });
  pool.submit([&](const std::stop_token&) { count.down(); });
  EXPECT_TRUE(count.wait());
  EXPECT_EQ(reported.get_future().get(), "polls: broken");
}

TEST(WorkerPool, StopReachesRunningTasksAndDropsWaitingOnes) {
  auto dropped = std::make_shared<int>(0);
  std::weak_ptr<int> watch = dropped;
  std::atomic<bool> ran = false;
  {
    WorkerPool pool("p", 1);
    std::promise<void> started;
    pool.submit([&](const std::stop_token& stop) {
      started.set_value();
      std::promise<void> stopped;
      const std::stop_callback on_stop(stop, [&] { stopped.set_value(); });
      EXPECT_EQ(stopped.get_future().wait_for(20s), std::future_status::ready);
    });
    started.get_future().wait();
    pool.submit([&ran, dropped](const std::stop_token&) { ran = true; });
    dropped.reset();
    EXPECT_EQ(pool.waiting(), 1U);
    pool.stop();
    EXPECT_TRUE(watch.expired());
    EXPECT_FALSE(pool.submit([&](const std::stop_token&) { ran = true; }));
  }
  EXPECT_FALSE(ran);
}

TEST(ParkingLot, WakesForInputForRoomAndAtTheDeadline) {
  ParkingLot lot;
  Pair pair;
  std::promise<WakeReason> read, write, late, timer;
  lot.park(pair.ends[0], Interest::kRead, Clock::now() + kLong, [&](WakeReason reason) { read.set_value(reason); });
  Pair writable;
  lot.park(writable.ends[0], Interest::kWrite, Clock::now() + kLong,
           [&](WakeReason reason) { write.set_value(reason); });
  Pair silent;
  const auto deadline = Clock::now() + 50ms;
  lot.park(silent.ends[0], Interest::kRead, deadline, [&](WakeReason reason) { late.set_value(reason); });
  lot.park(-1, Interest::kNone, deadline, [&](WakeReason reason) { timer.set_value(reason); });
  pair.speak();
  EXPECT_EQ(read.get_future().get(), WakeReason::kReady);
  EXPECT_EQ(write.get_future().get(), WakeReason::kReady);
  EXPECT_EQ(late.get_future().get(), WakeReason::kDeadline);
  EXPECT_GE(Clock::now(), deadline);
  EXPECT_EQ(timer.get_future().get(), WakeReason::kDeadline);
  EXPECT_EQ(lot.parked(), 0U);
}

TEST(ParkingLot, WakesForAPeerThatWentAway) {
  ParkingLot lot;
  Pair pair;
  std::promise<WakeReason> woken;
  lot.park(pair.ends[0], Interest::kRead, Clock::now() + kLong, [&](WakeReason reason) { woken.set_value(reason); });
  ::shutdown(pair.ends[1], SHUT_RDWR);
  EXPECT_EQ(woken.get_future().get(), WakeReason::kReady);
}

TEST(ParkingLot, NotifyWakesOnceAndOldTicketsDoNothing) {
  ParkingLot lot;
  Pair pair;
  Count count(1);
  const auto ticket = lot.park(pair.ends[0], Interest::kRead, Clock::now() + kLong, [&](WakeReason reason) {
    EXPECT_EQ(reason, WakeReason::kNotified);
    count.down();
  });
  EXPECT_NE(ticket, 0U);
  lot.notify(ticket);
  lot.notify(ticket);
  lot.notify(ticket + 1000);
  lot.notify(0);
  EXPECT_TRUE(count.wait());
  Count other(1);
  const auto next = lot.park(pair.ends[0], Interest::kRead, Clock::now() + kLong, [&](WakeReason) { other.down(); });
  EXPECT_NE(next, ticket);
  lot.notify(ticket);
  EXPECT_EQ(other.left(), 1);
  lot.notify(next);
  EXPECT_TRUE(other.wait());
  EXPECT_EQ(count.left(), 0);
}

TEST(ParkingLot, ADescriptorThatCannotWaitIsReady) {
  ParkingLot lot;
  std::promise<WakeReason> woken;
  lot.park(1'000'000, Interest::kRead, Clock::now() + kLong, [&](WakeReason reason) { woken.set_value(reason); });
  EXPECT_EQ(woken.get_future().get(), WakeReason::kReady);
}

TEST(ParkingLot, StopWakesEverybodyAndRefusesNewcomers) {
  ParkingLot lot;
  std::vector<std::unique_ptr<Pair>> pairs;
  Count count(100);
  for (int i = 0; i < 100; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    lot.park(pairs.back()->ends[0], Interest::kRead, Clock::now() + kLong, [&](WakeReason reason) {
      EXPECT_EQ(reason, WakeReason::kStopped);
      count.down();
    });
  }
  lot.stop();
  EXPECT_EQ(count.left(), 0);
  bool refused = false;
  lot.park(pairs[0]->ends[0], Interest::kRead, Clock::now() + kLong,
           [&](WakeReason reason) { refused = reason == WakeReason::kStopped; });
  EXPECT_TRUE(refused);
  lot.stop();
}

TEST(ParkingLot, MayBeStoppedFromAWake) {
  ParkingLot lot;
  Count count(1);
  lot.park(-1, Interest::kNone, Clock::now(), [&](WakeReason) {
    lot.stop();
    count.down();
  });
  EXPECT_TRUE(count.wait());
}

// Ready, deadline and notification at the same moment: exactly one of them wakes.
TEST(ParkingLot, WakesExactlyOnceWhateverComesTogether) {
  ParkingLot lot;
  constexpr int kRounds = 2000;
  std::atomic<int> wakes = 0;
  std::atomic<int> twice = 0;
  Count count(kRounds);
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < 64; ++i) pairs.push_back(std::make_unique<Pair>());
  for (int i = 0; i < kRounds; i += 64) {
    std::vector<ParkingLot::Ticket> tickets;
    const int batch = std::min(64, kRounds - i);
    Count in_batch(batch);
    for (int j = 0; j < batch; ++j) {
      auto flag = std::make_shared<std::atomic<int>>(0);
      tickets.push_back(lot.park(pairs[static_cast<std::size_t>(j)]->ends[0], Interest::kRead,
                                 Clock::now() + std::chrono::microseconds(j * 10), [&, flag](WakeReason) {
                                   if (flag->fetch_add(1) > 0) ++twice;
                                   ++wakes;
                                   in_batch.down();
                                   count.down();
                                 }));
    }
    std::jthread speaker([&] {
      for (int j = 0; j < batch; ++j) pairs[static_cast<std::size_t>(j)]->speak();
    });
    for (const auto ticket : tickets) lot.notify(ticket);
    ASSERT_TRUE(in_batch.wait());
  }
  ASSERT_TRUE(count.wait());
  EXPECT_EQ(wakes, kRounds);
  EXPECT_EQ(twice, 0);
}

TEST(ParkingLot, HoldsTenThousandCheaply) {
  ParkingLot lot;
  Pair pair;
  constexpr int kMany = 10'000;
  Count count(kMany);
  std::vector<ParkingLot::Ticket> tickets;
  tickets.reserve(kMany);
  const auto begin = Clock::now();
  for (int i = 0; i < kMany; ++i)
    tickets.push_back(lot.park(-1, Interest::kNone, Clock::now() + kLong + std::chrono::milliseconds(i),
                               [&](WakeReason) { count.down(); }));
  EXPECT_EQ(lot.parked(), static_cast<std::size_t>(kMany));
  for (const auto ticket : tickets) lot.notify(ticket);
  EXPECT_TRUE(count.wait());
  EXPECT_LT(Clock::now() - begin, 5s);  // tens of milliseconds without sanitizers
}

}  // namespace
}  // namespace mailstead::net
