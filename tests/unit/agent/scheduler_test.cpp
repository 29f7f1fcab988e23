// The scheduler with accounts that only pretend, a clock that is moved by hand, and the real parking lot and workers.
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "agent/pipeline/connection_budget.h"
#include "agent/pipeline/outside_watch.h"
#include "agent/pipeline/scheduler.h"
#include "connectors/descriptor.h"
#include "tests/unit/agent/world.h"

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using State = AccountFacts::State;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr auto kPatience = 20s;

// What one account's retriever was asked, and how it answers. Outlives the retrievers.
struct Pretence {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::vector<std::string>> polls;  // the folders asked for
  int made = 0, disconnects = 0, verified = 0, open = 0;
  std::optional<Failure> failure;
  retrieval::PollResult result;
  std::optional<retrieval::News> news{retrieval::News{}};  // nullopt: the connection is dead
  connectors::Descriptor bell{::eventfd(0, EFD_NONBLOCK)};
  ConnectionBudget* budget = nullptr;
  ConnectionBudget::Place place;
  bool offers_idle = true;

  void ring() {
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(bell.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  }
  template <typename Condition>
  [[nodiscard]] bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, condition);
  }
  [[nodiscard]] std::size_t count() {
    std::lock_guard lock(mutex);
    return polls.size();
  }
};

class PretendedRetriever final : public retrieval::Retriever {
 public:
  explicit PretendedRetriever(Pretence& pretence) : pretence_(pretence) {}
  ~PretendedRetriever() override { close(); }

  retrieval::PollResult poll(storage::Ledger&, retrieval::MessageSink&, retrieval::PollObserver&,
                             const retrieval::PollOptions& options, mail::WallTime, std::stop_token stop) override {
    if (!permit_) permit_ = pretence_.budget->take(pretence_.place, net::Deadline::in(kPatience, stop));
    std::lock_guard lock(pretence_.mutex);
    pretence_.polls.push_back(options.folders);
    pretence_.changed.notify_all();
    if (pretence_.failure) throw Failure(*pretence_.failure);
    return pretence_.result;
  }
  std::vector<retrieval::FolderFacts> folders(std::stop_token) override { return {}; }
  retrieval::ConnectionFacts probe(std::stop_token) override { return {}; }
  std::optional<retrieval::Waiting> start_waiting(std::stop_token) override {
    std::lock_guard lock(pretence_.mutex);
    if (!permit_ || !pretence_.offers_idle) return std::nullopt;
    return retrieval::Waiting{pretence_.bell.get(), 1, 1, true, {}};
  }
  retrieval::News woken(std::stop_token) override {
    std::lock_guard lock(pretence_.mutex);
    std::uint64_t rung = 0;
    [[maybe_unused]] const auto got = ::read(pretence_.bell.get(), &rung, sizeof(rung));
    return answer();
  }
  retrieval::News verify(std::stop_token) override {
    std::lock_guard lock(pretence_.mutex);
    ++pretence_.verified;
    pretence_.changed.notify_all();
    return answer();
  }
  [[nodiscard]] std::chrono::seconds waiting_limit() const override { return 1680s; }
  void disconnect() noexcept override {
    std::lock_guard lock(pretence_.mutex);
    if (permit_) ++pretence_.disconnects;
    close();
    pretence_.changed.notify_all();
  }
  [[nodiscard]] std::string remembered() const override { return {}; }

 private:
  void close() { permit_.reset(); }
  retrieval::News answer() {
    if (!pretence_.news) throw Failure(FailureKind::kTemporary, FailureScope::kSession, "connection closed");
    return std::exchange(*pretence_.news, retrieval::News{});
  }

  Pretence& pretence_;
  ConnectionBudget::Permit permit_;
};

class SchedulerTest : public World {
 protected:
  ~SchedulerTest() override { end(); }

  // `accounts`: the members of each account besides those that all have.
  void configure_accounts(const std::map<std::string, std::string>& accounts, const std::string& more = {}) {
    std::string text;
    for (const auto& [name, members] : accounts)
      text += (text.empty() ? "" : ",") + ("\"" + name + "\": {\"protocol\": \"imap\", \"host\": \"localhost\", ") +
              "\"user\": \"" + name + "\", \"password\": \"word\"" + (members.empty() ? "" : ", ") + members + "}";
    configure("\"accounts\": {" + text + "}, \"destinations\": {\"home\": {\"type\": \"mailbox\", \"user\": \"me\"}}" +
              (more.empty() ? "" : ", ") + more);
  }
  void begin() {
    log = std::make_unique<Log>(LogConfig{LogConfig::Level::kQuiet, LogConfig::Format::kText});
    lot = std::make_unique<net::ParkingLot>();
    pool = std::make_unique<net::WorkerPool>("poll", 4);
    scheduler =
        std::make_unique<Scheduler>(*store, moved, *log, *lot, *pool,
                                    [this](const AccountConfig& account, const std::string&, ConnectionBudget* budget) {
                                      Pretence& pretence = pretences[account.name];
                                      pretence.budget = budget;
                                      pretence.place = ConnectionBudget::place_of(account);
                                      ++pretence.made;
                                      return std::make_unique<PretendedRetriever>(pretence);
                                    });
    scheduler->apply(config);
  }
  void end() {
    scheduler.reset();
    if (pool) pool->stop();
    if (lot) lot->stop();  // its wakes submit to the pool
    pool.reset();
    lot.reset();
  }
  // Time passes, and everybody looks at the clock.
  void pass(std::chrono::seconds time) {
    moved.pass(time);
    scheduler->outside_changed(OutsideChange::kClockSet);
  }
  [[nodiscard]] AccountFacts facts(const std::string& account) {
    for (const auto& one : scheduler->facts())
      if (one.account == account) return one;
    return {};
  }
  // Looks at the clock meanwhile: an account that was just busy may have missed the last time.
  template <typename Condition>
  [[nodiscard]] bool until(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      scheduler->outside_changed(OutsideChange::kClockSet);
      std::this_thread::yield();
    }
    return true;
  }
  [[nodiscard]] bool becomes(const std::string& account, State state) {
    return until([&] { return facts(account).state == state; });
  }
  [[nodiscard]] bool polled(const std::string& account, std::size_t times) {
    return until([&] { return pretences[account].count() >= times && facts(account).state != State::kPolling; });
  }
  // The seat has run once more since: whatever it wanted to do, it did.
  void let_it_look(const std::string& account) {
    (void)account;
    for (int i = 0; i < 3; ++i) {
      scheduler->outside_changed(OutsideChange::kClockSet);
      std::promise<void> done;
      std::vector<std::promise<void>> promises(8);
      for (auto& promise : promises) pool->submit([&](const std::stop_token&) { promise.set_value(); });
      for (auto& promise : promises) promise.get_future().wait();
    }
  }

  MovedClock moved;
  std::map<std::string, Pretence> pretences;  // made on first use, before the threads
  std::unique_ptr<Log> log;
  std::unique_ptr<net::ParkingLot> lot;
  std::unique_ptr<net::WorkerPool> pool;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(SchedulerTest, PollsAtOnceAndThenAtTheInterval) {
  configure_accounts({{"a", "\"poll\": \"10m\""}});
  begin();
  Pretence& a = pretences["a"];
  ASSERT_TRUE(polled("a", 1));
  ASSERT_TRUE(becomes("a", State::kWaits));
  pass(9min);
  let_it_look("a");
  EXPECT_EQ(a.count(), 1U);
  pass(2min);
  ASSERT_TRUE(polled("a", 2));
  EXPECT_TRUE(a.polls[1].empty());  // all folders
}

TEST_F(SchedulerTest, AWallClockThatJumpsNeitherStopsNorHeapsUpPolls) {
  configure_accounts({{"a", "\"poll\": \"10m\""}});
  begin();
  Pretence& a = pretences["a"];
  ASSERT_TRUE(polled("a", 1));
  std::size_t polls = 1;
  for (const auto jump : {24h, -24h, 24h * 3650, -24h * 3650, -24h * 3650, 24h * 3650}) {
    moved.set_wall(jump);
    let_it_look("a");
    EXPECT_EQ(a.count(), polls);
    pass(11min);
    ASSERT_TRUE(polled("a", ++polls));
    let_it_look("a");
    EXPECT_EQ(a.count(), polls);
  }
}

TEST_F(SchedulerTest, FailuresAreBackedOffFromAndForgottenAfterASuccess) {
  configure_accounts({{"a", "\"poll\": \"1m\""}});
  pretences["a"].failure.emplace(FailureKind::kTemporary, FailureScope::kSession, "a: connection refused");
  begin();
  Pretence& a = pretences["a"];
  std::vector<std::chrono::seconds> waits;
  for (std::size_t polls = 1; polls <= 8; ++polls) {
    ASSERT_TRUE(polled("a", polls));
    ASSERT_TRUE(becomes("a", State::kWaits));
    EXPECT_NE(facts("a").reason, "");
    waits.push_back(facts("a").next_poll.value_or(0s));
    pass(waits.back());
  }
  EXPECT_LE(waits.front(), 72s);
  EXPECT_GE(waits.back(), 60min);
  EXPECT_LE(waits.back(), 72min);
  {
    std::lock_guard lock(a.mutex);
    a.failure.reset();
  }
  ASSERT_TRUE(polled("a", 9));
  const auto before = a.count();
  pass(72min);
  ASSERT_TRUE(polled("a", before + 1));
  ASSERT_TRUE(becomes("a", State::kWaits));
  EXPECT_LE(facts("a").next_poll.value_or(0s), 63s);
  EXPECT_EQ(facts("a").reason, "");
}

TEST_F(SchedulerTest, AServersOwnWaitIsKeptByAllButTheUser) {
  configure_accounts({{"a", "\"poll\": \"1m\""}});
  pretences["a"].result.not_before = 3600s;
  begin();
  Pretence& a = pretences["a"];
  ASSERT_TRUE(polled("a", 1));
  ASSERT_TRUE(becomes("a", State::kWaits));
  EXPECT_GE(facts("a").next_poll.value_or(0s), 3600s);
  pass(30min);
  EXPECT_TRUE(scheduler->poll_now());
  scheduler->outside_changed(OutsideChange::kNetwork);
  let_it_look("a");
  EXPECT_EQ(a.count(), 1U);
  EXPECT_TRUE(scheduler->poll_now("a"));
  EXPECT_TRUE(polled("a", 2));
}

TEST_F(SchedulerTest, ThreeRefusedSignInsPauseAnAccountWhateverIsSentToTheProcess) {
  configure_accounts({{"a", ""}});
  pretences["a"].failure.emplace(FailureKind::kAuthentication, FailureScope::kAccount, "wrong password");
  begin();
  Pretence& a = pretences["a"];
  for (std::size_t polls = 1; polls <= 3; ++polls) {
    ASSERT_TRUE(polled("a", polls));
    if (polls < 3) {
      ASSERT_TRUE(becomes("a", State::kWaits));
      EXPECT_GE(facts("a").next_poll.value_or(0s), 5min);
      pass(1h);
    }
  }
  ASSERT_TRUE(becomes("a", State::kPaused));
  EXPECT_EQ(facts("a").next_poll, std::nullopt);
  for (int i = 0; i < 20; ++i) {
    pass(24h);
    EXPECT_TRUE(scheduler->poll_now());
    scheduler->apply(config);
    scheduler->outside_changed(OutsideChange::kSlept);
  }
  let_it_look("a");
  EXPECT_EQ(a.count(), 3U);
  EXPECT_TRUE(scheduler->poll_now("a"));
  EXPECT_TRUE(polled("a", 4));
}

TEST_F(SchedulerTest, ASkippedAccountIsPolledOnlyWhenNamed) {
  configure_accounts({{"a", "\"skip\": true, \"idle\": true"}, {"b", ""}});
  (void)pretences["a"];
  (void)pretences["b"];
  begin();
  ASSERT_TRUE(polled("b", 1));
  pass(24h);
  ASSERT_TRUE(polled("b", 2));
  EXPECT_TRUE(scheduler->poll_now());
  ASSERT_TRUE(polled("b", 3));
  let_it_look("a");
  EXPECT_EQ(pretences["a"].count(), 0U);
  EXPECT_EQ(facts("a").state, State::kSkipped);
  EXPECT_TRUE(scheduler->poll_now("a"));
  ASSERT_TRUE(polled("a", 1));
  EXPECT_TRUE(becomes("a", State::kSkipped));
  EXPECT_FALSE(scheduler->poll_now("nobody"));
}

TEST_F(SchedulerTest, OutsideItsHoursAnAccountIsLeftAlone) {
  // The clock stands at 2027-01-15 08:00 UTC; the hours are local.
  const std::time_t instant = moved.wall().time_since_epoch().count();
  std::tm local{};
  ::localtime_r(&instant, &local);
  const auto hour = [&](int ahead) { return fmt::format("{:02}:00", (local.tm_hour + ahead) % 24); };
  configure_accounts({{"a", "\"idle\": true, \"poll_when\": [{\"hours\": \"" + hour(2) + "-" + hour(4) + "\"}]"}});
  begin();
  Pretence& a = pretences["a"];
  let_it_look("a");
  EXPECT_EQ(facts("a").state, State::kOutsideHours);
  EXPECT_EQ(a.count(), 0U);
  pass(std::chrono::minutes(120));
  ASSERT_TRUE(polled("a", 1));
  ASSERT_TRUE(becomes("a", State::kIdle));
  pass(std::chrono::minutes(130));
  ASSERT_TRUE(becomes("a", State::kOutsideHours));
  EXPECT_TRUE(a.wait([&] { return a.disconnects == 1; }));
}

TEST_F(SchedulerTest, NewsIsPolledAtOnceInItsFolderAlone) {
  configure_accounts({{"a", "\"idle\": true"}});
  begin();
  Pretence& a = pretences["a"];
  ASSERT_TRUE(polled("a", 1));
  ASSERT_TRUE(becomes("a", State::kIdle));
  EXPECT_EQ(facts("a").connections, 1U);
  EXPECT_GE(facts("a").next_poll.value_or(0s), 14min);  // only for safety
  {
    std::lock_guard lock(a.mutex);
    a.news = retrieval::News{true, {"Lists/boost"}};
  }
  a.ring();
  ASSERT_TRUE(polled("a", 2));
  EXPECT_EQ(a.polls[1], std::vector<std::string>{"Lists/boost"});
  ASSERT_TRUE(becomes("a", State::kIdle));
  EXPECT_EQ(a.disconnects, 0);
  pass(16min);
  ASSERT_TRUE(polled("a", 3));  // the poll for safety is not put off by news
  EXPECT_TRUE(a.polls[2].empty());
}

TEST_F(SchedulerTest, ALostConnectionIsMadeAgainAndNotWithoutEnd) {
  configure_accounts({{"a", "\"idle\": true"}});
  begin();
  Pretence& a = pretences["a"];
  ASSERT_TRUE(polled("a", 1));
  ASSERT_TRUE(becomes("a", State::kIdle));
  {
    std::lock_guard lock(a.mutex);
    a.news.reset();  // each look finds the connection dead
  }
  a.ring();
  ASSERT_TRUE(polled("a", 2));
  // Each new one is cut off at once, too: the next tries come later and later.
  ASSERT_TRUE(until([&] { return facts("a").state == State::kWaits && facts("a").next_poll < 1min; }));
  let_it_look("a");
  EXPECT_EQ(a.count(), 2U);
  EXPECT_GE(facts("a").next_poll.value_or(0s), 10s);
  pass(1min);
  EXPECT_TRUE(polled("a", 3));
}

TEST_F(SchedulerTest, AfterASleepWaitingConnectionsAreVerifiedOthersPolled) {
  configure_accounts({{"a", "\"idle\": true"}, {"b", ""}});
  (void)pretences["a"];
  (void)pretences["b"];
  begin();
  ASSERT_TRUE(polled("a", 1));
  ASSERT_TRUE(polled("b", 1));
  ASSERT_TRUE(becomes("a", State::kIdle));
  ASSERT_TRUE(becomes("b", State::kWaits));
  scheduler->outside_changed(OutsideChange::kSlept);
  EXPECT_TRUE(pretences["a"].wait([&] { return pretences["a"].verified == 1; }));
  EXPECT_TRUE(polled("b", 2));
  ASSERT_TRUE(becomes("a", State::kIdle));
  EXPECT_EQ(pretences["a"].count(), 1U);
  EXPECT_EQ(pretences["a"].disconnects, 0);
}

TEST_F(SchedulerTest, AnAccountThatIsRemovedWhileItWaitsSaysGoodbye) {
  configure_accounts({{"a", "\"idle\": true"}, {"b", ""}});
  (void)pretences["a"];
  (void)pretences["b"];
  begin();
  ASSERT_TRUE(becomes("a", State::kIdle));
  configure_accounts({{"b", ""}});
  scheduler->apply(config);
  EXPECT_TRUE(pretences["a"].wait([&] { return pretences["a"].disconnects == 1; }));
  EXPECT_EQ(scheduler->facts().size(), 1U);
}

TEST_F(SchedulerTest, AReloadDisturbsOnlyWhatItChanges) {
  configure_accounts({{"a", "\"idle\": true"}, {"b", "\"idle\": true"}});
  (void)pretences["a"];
  (void)pretences["b"];
  begin();
  ASSERT_TRUE(becomes("a", State::kIdle));
  ASSERT_TRUE(becomes("b", State::kIdle));
  for (int i = 0; i < 20; ++i) scheduler->apply(config);
  let_it_look("a");
  EXPECT_EQ(pretences["a"].made + pretences["b"].made, 2);
  configure_accounts({{"a", "\"idle\": true"}, {"b", "\"idle\": true, \"folders\": \"Other\""}});
  scheduler->apply(config);
  ASSERT_TRUE(polled("b", 2));
  EXPECT_TRUE(pretences["b"].wait([&] { return pretences["b"].disconnects == 1; }));
  EXPECT_EQ(pretences["a"].count(), 1U);
  EXPECT_EQ(pretences["a"].disconnects, 0);
}

TEST_F(SchedulerTest, WithOneConnectionForTwoAccountsEachHasItsTurn) {
  configure_accounts({{"a", "\"idle\": true"}, {"b", "\"idle\": true"}}, "\"limits\": {\"per_host\": 1}");
  (void)pretences["a"];
  (void)pretences["b"];
  begin();
  // Whoever waits gives way to the other.
  ASSERT_TRUE(until([&] {
    moved.pass(2s);
    return pretences["a"].count() > 0 && pretences["b"].count() > 0;
  }));
  EXPECT_GE(pretences["a"].disconnects + pretences["b"].disconnects, 1);
}

TEST_F(SchedulerTest, AThousandWaitingAccountsStopSoon) {
  std::map<std::string, std::string> accounts;
  for (int i = 0; i < 1000; ++i) {
    accounts[fmt::format("a{:04}", i)] = "\"idle\": true";
    (void)pretences[fmt::format("a{:04}", i)];
  }
  configure_accounts(accounts);
  begin();
  moved.pass(1min);  // all turns are over
  scheduler->outside_changed(OutsideChange::kClockSet);
  ASSERT_TRUE(until([&] {
    const auto all = scheduler->facts();
    return std::all_of(all.begin(), all.end(), [](const AccountFacts& one) { return one.state == State::kIdle; });
  }));
  for (auto& [name, pretence] : pretences) EXPECT_EQ(pretence.count(), 1U) << name;
  const auto begun = std::chrono::steady_clock::now();
  end();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
}

}  // namespace
}  // namespace mailstead::agent
