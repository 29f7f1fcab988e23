// How a data directory is opened, refused and shared.
#include "tests/unit/storage/store_fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

namespace mailstead::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void spill(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string refusal(const StoreOptions& options) {
  try {
    auto store = open_store(options);
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.scope(), mail::FailureScope::kProcess);
    return failure.text();
  }
  return "opened";
}

// Runs in a process of its own; whether `work` returned true.
bool in_child(const std::function<bool()>& work) {
  pid_t child = ::fork();
  if (child == 0) {
    bool good = false;
    try {
      good = work();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void fill(const std::string& directory, std::size_t count, std::size_t size = 600) {
  auto store = open_store(options_for(directory));
  for (std::size_t i = 1; i <= count; ++i) accepted(*store, message(i, body(i, size)));
}

// `mailstead status` beside the first start of an agent: it sees a whole database, or none.
TEST(StoreOpening, AReaderNeverSeesHalfADatabase) {
  for (int round = 0; round < 30; ++round) {
    TemporaryDirectory directory;
    StoreOptions reading = options_for(directory.data());
    reading.mode = OpenMode::kReadOnly;
    std::filesystem::create_directory(directory.data());
    std::filesystem::permissions(directory.data(), std::filesystem::perms::owner_all);
    std::string seen;
    std::jthread reader([&](const std::stop_token& stop) {
      while (seen.empty() && !stop.stop_requested()) {
        try {
          seen = open_store(reading)->queue().list().empty() ? "a whole one" : "mail";
        } catch (const NothingKept&) {
          continue;
        } catch (const mail::Failure& failure) {
          seen = failure.text() + ": " + failure.detail();
        }
      }
    });
    const auto store = open_store(options_for(directory.data()));
    reader.join();
    ASSERT_EQ(seen, "a whole one") << "in round " << round;
  }
}

TEST(StoreOpening, AReaderWaitsForTheAgentToBringAnOlderDatabaseUpToDate) {
  TemporaryDirectory directory;
  (void)open_store(options_for(directory.data()));
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((directory.data() + "/mailstead.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version=5", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  StoreOptions reading = options_for(directory.data());
  reading.mode = OpenMode::kReadOnly;
  EXPECT_THAT(refusal(reading), testing::HasSubstr("start the agent of this one"));
}

TEST(StoreOpening, SecondAgentIsRefusedAndToldOfTheFirst) {
  TemporaryDirectory directory;
  auto store = open_store(options_for(directory.data()));
  try {
    auto second = open_store(options_for(directory.data()));
    FAIL();
  } catch (const DataDirectoryHeld& held) {
    EXPECT_EQ(held.kind(), mail::FailureKind::kConfiguration);
    EXPECT_THAT(held.text(), HasSubstr("process " + std::to_string(::getpid()) + " holds"));
  }
  store.reset();
  EXPECT_EQ(refusal(options_for(directory.data())), "opened");
}

TEST(StoreOpening, ADeadAgentHoldsNothing) {
  TemporaryDirectory directory;
  in_child([&] {
    auto store = open_store(options_for(directory.data()));
    ::raise(SIGKILL);
    return false;
  });
  EXPECT_EQ(refusal(options_for(directory.data())), "opened");
}

TEST(StoreOpening, FilesAreForTheOwnerAloneWhateverTheMask) {
  TemporaryDirectory directory;
  ASSERT_TRUE(in_child([&] {
    ::umask(0);
    StoreOptions options = options_for(directory.data() + "/deeper");
    options.spool_above = 1000;
    auto store = open_store(options);
    for (std::size_t i = 1; i <= 5; ++i) {
      Acceptance acceptance = message(i, body(i, 900 * i));
      acceptance.contents[0] = content_through(store->content(), body(i, 900 * i));
      accepted(*store, acceptance);
    }
    bool private_all = true;
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.data())) {
      struct stat status {};
      ::stat(entry.path().c_str(), &status);
      private_all = private_all && (status.st_mode & 077U) == 0;
      files += S_ISREG(status.st_mode) ? 1 : 0;
    }
    return private_all && files >= 8;
  }));
}

TEST(StoreOpening, NewerVersionIsRefusedAndLeftAsItIs) {
  TemporaryDirectory directory;
  fill(directory.data(), 1);
  std::string path = directory.data() + "/mailstead.db";
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version=999", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  std::string before = slurp(path);
  for (OpenMode mode : {OpenMode::kAgent, OpenMode::kReadOnly}) {
    StoreOptions options = options_for(directory.data());
    options.mode = mode;
    EXPECT_THAT(refusal(options), HasSubstr("newer version"));
  }
  EXPECT_EQ(slurp(path), before);
}

TEST(StoreOpening, AForeignFileIsRefusedAndLeftAsItIs) {
  for (const std::string& bytes :
       {std::string("this is not a database, but somebody's letter\n"), std::string(9000, 'x')}) {
    TemporaryDirectory directory;
    std::filesystem::create_directories(directory.data());
    spill(directory.data() + "/mailstead.db", bytes);
    EXPECT_THAT(refusal(options_for(directory.data())), HasSubstr("left as it is"));
    EXPECT_EQ(slurp(directory.data() + "/mailstead.db"), bytes);
  }
}

TEST(StoreOpening, AMissingDatabaseBesideMessagesIsRefused) {
  TemporaryDirectory directory;
  fill(directory.data(), 2);
  std::filesystem::remove(directory.data() + "/mailstead.db");
  EXPECT_THAT(refusal(options_for(directory.data())), HasSubstr("restore"));
  EXPECT_TRUE(std::filesystem::exists(directory.data() + "/content/00000001.seg"));
}

TEST(StoreOpening, ReadOnlyNeedsADatabaseAndNeverWrites) {
  TemporaryDirectory directory;
  StoreOptions options = options_for(directory.data());
  options.mode = OpenMode::kReadOnly;
  EXPECT_NE(refusal(options), "opened");
  fill(directory.data(), 1);
  auto store = open_store(options);
  EXPECT_EQ(store->mail().find("alice", "INBOX")->messages, 1U);
  EXPECT_THROW(store->acceptor().accept(message(2), nullptr), mail::Failure);
  EXPECT_THROW(static_cast<void>(store->mail().create("alice", "a", "")), mail::Failure);
  EXPECT_THROW(static_cast<void>(store->content().begin(0)), mail::Failure);
}

TEST(StoreOpening, AnotherProcessReadsBesideTheAgent) {
  TemporaryDirectory directory;
  int to_child[2];
  ASSERT_EQ(::pipe2(to_child, O_CLOEXEC), 0);
  pid_t child = ::fork();
  if (child == 0) {
    char ready = 0;
    bool good = ::read(to_child[0], &ready, 1) == 1;
    StoreOptions options = options_for(directory.data());
    options.mode = OpenMode::kReadOnly;
    auto store = open_store(options);
    auto snapshot = store->mail().open(store->mail().find("alice", "INBOX")->id);
    good = good && snapshot->entries.size() == 3 && store->check(true).problems.empty() &&
           read_all(*store->content().open(snapshot->entries[2].content)) == body(3);
    ::_exit(good ? 0 : 1);
  }
  auto store = open_store(options_for(directory.data()));
  for (std::size_t i = 1; i <= 3; ++i) accepted(*store, message(i));
  ASSERT_EQ(::write(to_child[1], "x", 1), 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ::close(to_child[0]);
  ::close(to_child[1]);
}

TEST(StoreOpening, ADirectoryThatMayNotBeWrittenIsAClearError) {
  TemporaryDirectory directory;
  std::filesystem::create_directories(directory.data());
  ASSERT_EQ(::chmod(directory.data().c_str(), 0555), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_TRUE(in_child([&] {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return false;
    return refusal(options_for(directory.data())).find("permission") != std::string::npos;
  }));
}

TEST(StoreOpening, ATornTailOfTheLastSegmentIsOverwritten) {
  TemporaryDirectory directory;
  fill(directory.data(), 3);
  std::string path = directory.data() + "/content/00000001.seg";
  std::ofstream(path, std::ios::binary | std::ios::app) << std::string(100'000, 'T');
  std::ofstream(directory.data() + "/content/00000002.seg") << "never committed";
  std::ofstream(directory.data() + "/spool/incoming-abc") << "left behind";
  auto store = open_store(options_for(directory.data()));
  EXPECT_FALSE(std::filesystem::exists(directory.data() + "/content/00000002.seg"));
  EXPECT_TRUE(std::filesystem::is_empty(directory.data() + "/spool"));
  accepted(*store, message(4));
  EXPECT_THAT(store->check(true).problems, IsEmpty());
  auto entries = store->mail().open(store->mail().find("alice", "INBOX")->id)->entries;
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(read_all(*store->content().open(entries[i].content)), body(i + 1));
}

TEST(StoreFaults, EveryFlippedOctetOfASegmentIsFound) {
  TemporaryDirectory directory;
  fill(directory.data(), 20);
  std::string path = directory.data() + "/content/00000001.seg";
  const std::string sound = slurp(path);
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = sound;
    std::size_t where = random() % bytes.size();
    bytes[where] = static_cast<char>(bytes[where] ^ (1U << (random() % 8)));
    spill(path, bytes);
    StoreOptions options = options_for(directory.data());
    options.mode = OpenMode::kReadOnly;
    auto store = open_store(options);
    EXPECT_FALSE(store->check(true).problems.empty()) << where;
    auto entries = store->mail().open(store->mail().find("alice", "INBOX")->id)->entries;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      try {
        EXPECT_EQ(read_all(*store->content().open(entries[i].content)), body(i + 1));
      } catch (const mail::Failure& failure) {
        EXPECT_EQ(failure.scope(), mail::FailureScope::kMessage);
      }
    }
  }
}

// A flipped octet of the database gives a clear error or unharmed bytes, never a crash and never bytes of another
// message.
TEST(StoreFaults, FlippedOctetsOfTheDatabaseNeverGiveWrongBytes) {
  TemporaryDirectory directory;
  fill(directory.data(), 40);
  std::string path = directory.data() + "/mailstead.db";
  const std::string sound = slurp(path);
  std::mt19937 random(13);
  int noticed = 0;
  for (int round = 0; round < 200; ++round) {
    std::string bytes = sound;
    for (int flips = 0; flips < 4; ++flips) {
      std::size_t where = random() % bytes.size();
      bytes[where] = static_cast<char>(bytes[where] ^ (1U << (random() % 8)));
    }
    spill(path, bytes);
    try {
      StoreOptions options = options_for(directory.data());
      options.mode = OpenMode::kReadOnly;
      auto store = open_store(options);
      noticed += store->check(true).problems.empty() ? 0 : 1;
      for (const Mailbox& box : store->mail().mailboxes("alice")) {
        auto snapshot = store->mail().open(box.id);
        if (!snapshot) continue;
        for (const Entry& entry : snapshot->entries) {
          ASSERT_LT(entry.keywords, snapshot->keyword_sets.size());
          try {
            std::string found = read_all(*store->content().open(entry.content));
            EXPECT_EQ(found.substr(0, 9), "Subject: ");
          } catch (const mail::Failure&) {
          }
        }
      }
      static_cast<void>(store->history().search("Message", 100));
      static_cast<void>(store->queue().list());
    } catch (const mail::Failure& failure) {
      EXPECT_EQ(failure.kind(), mail::FailureKind::kStorage) << failure.text();
      ++noticed;
    }
  }
  EXPECT_GT(noticed, 20);
}

TEST(StoreFaults, ADamagedDatabaseAfterACrashIsRefusedAndKept) {
  TemporaryDirectory directory;
  fill(directory.data(), 200);
  std::string path = directory.data() + "/mailstead.db";
  std::string bytes = slurp(path);
  std::fill(bytes.begin() + 8192 * 3, bytes.begin() + 8192 * 12, '\x5a');
  spill(path, bytes);
  std::ofstream(directory.data() + "/running");
  EXPECT_THAT(refusal(options_for(directory.data())), HasSubstr("damaged"));
  EXPECT_EQ(slurp(path), bytes);
}

// A limit of file sizes stands for the full disk: writes fail, nothing is lost, reading goes on, and it goes on by
// itself when there is room.
TEST(StoreFaults, AFullDiskFailsTheNewAndKeepsTheOld) {
  TemporaryDirectory directory;
  EXPECT_TRUE(in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    auto store = open_store(options_for(directory.data()));
    for (std::size_t i = 1; i <= 20; ++i) accepted(*store, message(i, body(i, 10'000)));
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit full{300'000, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &full);
    int failed = 0;
    int kept = 0;
    for (std::size_t i = 21; i <= 60; ++i) {
      AcceptResult result = accept_now(*store, message(i, body(i, 10'000)));
      if (const auto* failure = std::get_if<mail::Failure>(&result)) {
        ++failed;
        if (failure->kind() != mail::FailureKind::kStorage) return false;
        if (store->ledger().folder("work", "INBOX")->done(static_cast<Uid>(i))) return false;
      } else {
        ++kept;
      }
    }
    if (failed == 0) return false;
    auto readable = [&] {
      auto snapshot = store->mail().open(store->mail().find("alice", "INBOX")->id);
      for (const Entry& entry : snapshot->entries) {
        if (read_all(*store->content().open(entry.content)).size() < 10'000) return false;
      }
      return true;
    };
    if (!readable()) return false;
    ::setrlimit(RLIMIT_FSIZE, &before);
    for (std::size_t i = 21; i <= 60; ++i) accept_now(*store, message(i, body(i, 10'000)));
    return store->mail().find("alice", "INBOX")->messages == 60 && readable() && store->check(true).problems.empty();
  }));
  auto store = open_store(options_for(directory.data()));
  EXPECT_THAT(store->check(true).problems, IsEmpty());
  EXPECT_EQ(store->mail().find("alice", "INBOX")->messages, 60U);
}

TEST(StoreFaults, NothingNewIsBegunBelowTheReserve) {
  TemporaryDirectory directory;
  StoreOptions options = options_for(directory.data());
  options.min_free = mail::ByteCount{1} << 62U;
  auto store = open_store(options);
  try {
    static_cast<void>(store->content().begin(10));
    FAIL();
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.kind(), mail::FailureKind::kStorage);
    EXPECT_THAT(failure.text(), HasSubstr("left"));
  }
}

}  // namespace
}  // namespace mailstead::storage
