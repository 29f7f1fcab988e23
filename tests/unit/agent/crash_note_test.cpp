#include "agent/crash_note.h"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/unit/agent/world.h"

namespace mailstead::agent {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class CrashNote : public World {
 protected:
  std::string data_dir() const { return directory + "/data"; }

  std::string notes() const {
    std::ostringstream all;
    all << std::ifstream(data_dir() + "/crashes").rdbuf();
    return all.str();
  }

  // A process of its own that runs `life`; the signal that ended it.
  int signal_of(const std::function<void()>& life) {
    store.reset();  // its threads could hold a sanitizer's lock that the child would wait for
    const pid_t child = ::fork();
    if (child == 0) {
      leave_crash_notes(data_dir());
      life();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
};

const std::string kNote = R"({"delivery":17})";

TEST_F(CrashNote, TellsWhatTheCrashingThreadHadInHand) {
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
    std::filesystem::remove(data_dir() + "/crashes");
    EXPECT_EQ(signal_of([&] {
                const std::string other = R"({"delivery":1})";
                const InHand before(other);
                const InHand in_hand(kNote);
                ::raise(number);
              }),
              number);
    EXPECT_EQ(notes(), (number < 10 ? "0" : "") + std::to_string(number) + " " + kNote + "\n");
  }
}

TEST_F(CrashNote, SaysNothingOfWhatIsDoneOrOfOtherThreads) {
  EXPECT_EQ(signal_of([] {
              const std::string other = R"({"delivery":1})";
              std::atomic<bool> there = false;
              std::thread([&] {
                const InHand in_hand(other);
                there = true;
                ::pause();
              }).detach();
              while (!there) std::this_thread::yield();
              { const InHand in_hand(kNote); }
              std::abort();
            }),
            SIGABRT);
  EXPECT_EQ(notes(), "");
  EXPECT_EQ(signal_of([] {
              const InHand in_hand(kNote);
              ::raise(SIGKILL);
            }),
            SIGKILL);
  EXPECT_EQ(notes(), "");
}

TEST_F(CrashNote, TellsAllThatIsInHandWhenAWatchdogEndsIt) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  store.reset();  // as above
  const pid_t child = ::fork();
  if (child == 0) {
    leave_crash_notes(data_dir());
    const std::string other = R"({"delivery":1})";
    std::thread worker([&] {
      const InHand in_hand(other);
      [[maybe_unused]] auto told = ::write(ready[1], "x", 1);
      for (;;) ::pause();
    });
    const InHand in_hand(kNote);
    for (;;) ::pause();
  }
  char one = 0;
  ASSERT_EQ(::read(ready[0], &one, 1), 1);
  ::kill(child, SIGABRT);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  EXPECT_THAT(notes(), HasSubstr(R"("delivery":1})"));
  ::close(ready[0]);
  ::close(ready[1]);
}

// Deeper than any stack.
[[gnu::noinline]] int deeper(long levels) {  // NOLINT(misc-no-recursion)
  volatile char here[4096];
  here[0] = static_cast<char>(levels);
  return levels == 0 ? 0 : deeper(levels - 1) + here[0];
}

TEST_F(CrashNote, TellsOfAStackThatOverflowed) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer has a stack of its own";
#endif
  EXPECT_EQ(signal_of([] {
              std::thread([] {
                const InHand in_hand(kNote);
                ::_exit(deeper(1L << 40));
              }).join();
            }),
            SIGSEGV);
  EXPECT_EQ(notes(), "11 " + kNote + "\n");
}

TEST_F(CrashNote, AMessageOnItsWayInIsSteppedOverAtTheThirdCrash) {
  const storage::SourceRef source{"work", "Lists/\"odd\"\t1", 5, 42, ""};
  Log log({});
  const std::string note = crash_note_of(source);
  for (unsigned crashes = 1; crashes <= storage::kPoisonAttempts; ++crashes) {
    std::ofstream(data_dir() + "/crashes") << "11 " << note << '\n';
    heed_crash_notes(*store, data_dir(), clock, log);
    EXPECT_FALSE(std::filesystem::exists(data_dir() + "/crashes"));
    const auto troubles = store->ledger().troubles("work");
    ASSERT_EQ(troubles.size(), 1U);
    EXPECT_EQ(troubles[0].source, source);
    EXPECT_EQ(troubles[0].attempts, crashes);
    EXPECT_THAT(troubles[0].reason, HasSubstr("SIGSEGV"));
  }
  heed_crash_notes(*store, data_dir(), clock, log);
  EXPECT_EQ(store->ledger().troubles("work").at(0).attempts, storage::kPoisonAttempts);
}

TEST_F(CrashNote, ReadsOverWhatIsNoNote) {
  std::ofstream(data_dir() + "/crashes") << "\n11\n11 {\n11 []\n11 {}\n11 {\"delivery\":\"x\"}\n6 {\"delivery\":99}\n"
                                         << std::string(100'000, 'x') << '\n';
  Log log({});
  heed_crash_notes(*store, data_dir(), clock, log);
  EXPECT_THAT(store->ledger().troubles(""), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(data_dir() + "/crashes"));
}

}  // namespace
}  // namespace mailstead::agent
