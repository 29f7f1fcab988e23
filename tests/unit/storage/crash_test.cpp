// Kills an accepting process at named points and at random instants, goes on in a new one, and holds what is there
// against what was promised: everything reported as durable is there, nothing is there twice, all of it whole.
#include "tests/unit/storage/store_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <thread>

namespace mailstead::storage {
namespace {

using testing::IsEmpty;

constexpr std::size_t kMessages = 120;
constexpr char kDirectory[] = "MAILSTEAD_CRASH_TEST_DIRECTORY";

StoreOptions crash_options(const std::string& directory) {
  StoreOptions options = options_for(directory);
  options.segment_size = 200'000;
  options.spool_above = 20'000;
  return options;
}

// Every fifth is large enough for a segment of its own; every third also goes to the queue.
Acceptance crash_message(Store& store, std::size_t number) {
  std::string bytes = body(number, number % 5 == 0 ? 30'000 : 1000 + 13 * number);
  Acceptance acceptance = message(number, bytes);
  acceptance.contents[0] = content_through(store.content(), bytes, 4096);
  acceptance.cleanup_at = acceptance.now;
  if (number % 3 == 0) acceptance.deliveries.push_back(delivery_to("relay", {"a@x"}));
  return acceptance;
}

// The child's life: accepts what the ledger does not have, and tells each durable acceptance by a line.
TEST(CrashChild, DISABLED_AcceptsTheRest) {
  const char* directory = std::getenv(kDirectory);
  ASSERT_NE(directory, nullptr);
  int acked = ::open((std::string(directory) + "/acked").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  auto store = open_store(crash_options(std::string(directory) + "/data"));
  auto progress = store->ledger().folder("work", "INBOX").value_or(FolderProgress{});
  for (std::size_t number = 1; number <= kMessages; ++number) {
    if (progress.done(static_cast<Uid>(number))) continue;
    store->acceptor().accept(crash_message(*store, number), [acked, number](const AcceptResult& result) {
      if (!std::holds_alternative<AcceptReceipt>(result)) return;
      std::string line = std::to_string(number) + "\n";
      if (::write(acked, line.data(), line.size()) < 0) std::abort();
    });
    if (number % 7 == 0) store->acceptor().flush();
    if (number % 40 == 0) store->tidy(at(0));
  }
  store->acceptor().flush();
}

class CrashTest : public testing::Test {
 protected:
  // Starts the child anew (as exec does, so that no thread of ours is copied); true when it ended by itself.
  bool run_child(const std::string& fault, std::chrono::microseconds kill_after = {}) {
    pid_t child = ::fork();
    if (child == 0) {
      ::setenv(kDirectory, directory_.path().c_str(), 1);
      if (!fault.empty()) ::setenv("MAILSTEAD_FAULT", fault.c_str(), 1);
      int nowhere = ::open("/dev/null", O_WRONLY);
      ::dup2(nowhere, 1);
      ::execl("/proc/self/exe", "test_storage", "--gtest_filter=CrashChild.*", "--gtest_also_run_disabled_tests",
              nullptr);
      ::_exit(127);
    }
    if (kill_after.count() > 0) {
      std::this_thread::sleep_for(kill_after);  // the instant of the fault, not a wait for anything
      ::kill(child, SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
    }
    return WIFEXITED(status);
  }

  std::set<std::size_t> acked() {
    std::ifstream file(directory_.path() + "/acked");
    std::set<std::size_t> numbers;
    for (std::size_t number = 0; file >> number;) numbers.insert(number);
    return numbers;
  }

  // What must hold at every moment.
  void check_promises() {
    auto store = open_store(crash_options(directory_.data()));
    EXPECT_THAT(store->check(true).problems, IsEmpty());
    auto progress = store->ledger().folder("work", "INBOX").value_or(FolderProgress{});
    std::set<std::string> seen;
    if (auto inbox = store->mail().find("alice", "INBOX")) {
      auto snapshot = store->mail().open(inbox->id);
      for (const Entry& entry : snapshot->entries) {
        std::string bytes = read_all(*store->content().open(entry.content));
        std::size_t number = std::strtoul(bytes.c_str() + std::strlen("Subject: "), nullptr, 10);
        EXPECT_TRUE(seen.insert(bytes).second) << "twice: " << number;
        EXPECT_EQ(bytes, read_all(*crash_message(*store, number).contents[0].bytes));
        EXPECT_TRUE(progress.done(static_cast<Uid>(number)));
      }
    }
    std::size_t done = 0;
    for (Uid uid = 1; uid <= kMessages; ++uid) done += progress.done(uid) ? 1 : 0;
    EXPECT_EQ(done, seen.size());
    for (std::size_t number : acked()) EXPECT_TRUE(progress.done(static_cast<Uid>(number))) << "lost: " << number;
    EXPECT_EQ(store->ledger().cleanup_due("work", "INBOX", at(kMessages)).size(), done);
  }

  void finish() {
    EXPECT_TRUE(run_child(""));
    check_promises();
    auto store = open_store(crash_options(directory_.data()));
    EXPECT_EQ(store->mail().find("alice", "INBOX")->messages, kMessages);
    EXPECT_EQ(store->queue().size(), kMessages / 3);
    EXPECT_LE(acked().size(), kMessages);  // one may die between the commit and the telling
  }

  TemporaryDirectory directory_;
};

#ifdef MAILSTEAD_FAULTS
TEST_F(CrashTest, KilledAtEachNamedPointNothingIsLostOrDoubled) {
  bool died = false;
  for (const char* stage :
       {"writer.before_sync", "writer.after_sync", "writer.in_transaction", "writer.after_commit"}) {
    for (int pass : {1, 3, 6}) {
      SCOPED_TRACE(stage + std::to_string(pass));
      died = !run_child(std::string(stage) + ":" + std::to_string(pass)) || died;
      check_promises();
    }
  }
  EXPECT_TRUE(died);
  finish();
}
#endif

TEST_F(CrashTest, KilledAtRandomInstantsNothingIsLostOrDoubled) {
  std::mt19937 random(std::random_device{}());
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(run_child(""));
  auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  finish();
  for (int round = 0; round < 3; ++round) {
    std::filesystem::remove_all(directory_.data());
    std::filesystem::remove(directory_.path() + "/acked");
    for (int kills = 0; kills < 6; ++kills) {
      run_child("", std::chrono::microseconds(random() % static_cast<unsigned long>(whole.count()) + 1));
      check_promises();
    }
    finish();
  }
}

}  // namespace
}  // namespace mailstead::storage
