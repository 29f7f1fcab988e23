#include "connectors/local/maildir.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/destination_contract.h"
#include "tests/unit/local/scratch.h"

namespace mailstead::testing {
namespace {

namespace fs = std::filesystem;
using delivery::Reply;
using local::MaildirSettings;

std::vector<fs::path> files(const fs::path& directory) {
  std::vector<fs::path> found;
  if (!fs::exists(directory)) return found;
  for (const auto& entry : fs::directory_iterator(directory)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

MaildirSettings settings_for(const fs::path& path) {
  MaildirSettings settings;
  settings.path = path.string();
  settings.origin = "store";
  settings.host_name = "host.example.org";
  return settings;
}

class MaildirSubject {
 public:
  MaildirSubject() : maildir_(make_maildir(settings_for(scratch_.path() / "Maildir"))) {}
  const delivery::Destination& destination() { return *maildir_; }
  std::vector<std::string> recipients() { return {}; }
  std::vector<std::string> arrived() {
    std::vector<std::string> texts;
    for (const char* folder : {"new", "cur"}) {
      for (const auto& file : files(scratch_.path() / "Maildir" / folder)) {
        std::string text;
        for (char c : read_file(file)) text.append(c == '\n' ? "\r\n" : std::string(1, c));
        texts.push_back(text);
      }
    }
    return texts;
  }
  void break_it() { maildir_ = make_maildir(settings_for(scratch_.path() / "no such parent" / "Maildir")); }

 private:
  Scratch scratch_;
  std::unique_ptr<delivery::Destination> maildir_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Maildir, DestinationContract, MaildirSubject);

class Maildir : public ::testing::Test {
 protected:
  Maildir() : path_(scratch_.path() / "Maildir"), settings_(settings_for(path_)) { ::umask(0); }
  delivery::Result deliver(const delivery::Outgoing& message) {
    return make_maildir(settings_)->open()->deliver(message, {});
  }
  static bool accepted(const delivery::Result& result) {
    return !result.failure && result.answers.at(0).reply.kind == Reply::Kind::kAccepted;
  }
  std::size_t count() const { return files(path_ / "new").size() + files(path_ / "cur").size(); }

  Scratch scratch_;
  fs::path path_;
  MaildirSettings settings_;
};

TEST_F(Maildir, MakesFilesAndDirectoriesForUsAlone) {
  auto message = outgoing("a\r\n", {});
  message.folder = "Lists/boost";
  ASSERT_TRUE(accepted(deliver(message)));
  EXPECT_TRUE(fs::exists(path_ / ".Lists.boost" / "maildirfolder"));
  for (const auto& entry : fs::recursive_directory_iterator(scratch_.path())) {
    auto expected = entry.is_directory() ? fs::perms::owner_all : fs::perms::owner_read | fs::perms::owner_write;
    EXPECT_EQ(entry.status().permissions(), expected) << entry.path();
  }
  EXPECT_EQ(files(path_ / ".Lists.boost" / "new").size(), 1U);
  EXPECT_TRUE(files(path_ / ".Lists.boost" / "tmp").empty());
}

TEST_F(Maildir, PutsFlaggedMailIntoCurWithItsDate) {
  auto message = outgoing("a\r\nb\r\n", {});
  message.flags.add("\\Seen");
  message.flags.add("\\Flagged");
  ASSERT_TRUE(accepted(deliver(message)));
  auto found = files(path_ / "cur");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].filename().string().ends_with(".host.example.org,S=4:2,FS")) << found[0];
  struct stat facts {};
  ASSERT_EQ(::stat(found[0].c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mtim.tv_sec, 1'700'000'000);
}

TEST_F(Maildir, WritesUnixLinesUnlessTheWayBackWouldBeLost) {
  auto big = std::string(200'000, 'x') + "\r\n";
  const std::string texts[][2] = {
      {"a\r\nb\r\n", "a\nb\n"}, {"a\r\nb\nc\r\n", "a\r\nb\nc\r\n"},
      {"a\nb\n", "a\nb\n"},     {big + big, std::string(200'000, 'x') + "\n" + std::string(200'000, 'x') + "\n"},
      {big + "\n", big + "\n"}, {"", ""}};
  storage::DeliveryId id = 0;
  for (const auto& [text, file] : texts) {
    ASSERT_TRUE(accepted(deliver(outgoing(text, {}, ++id))));
    bool found = false;
    for (const auto& path : files(path_ / "new")) {
      found = found ||
              (read_file(path) == file && path.string().find(",S=" + std::to_string(file.size())) != std::string::npos);
    }
    EXPECT_TRUE(found) << id;
  }
  EXPECT_EQ(count(), std::size(texts));
}

TEST_F(Maildir, KeepsTheBytesWhenAskedTo) {
  settings_.line_ends = MaildirSettings::LineEnds::kKeep;
  ASSERT_TRUE(accepted(deliver(outgoing("a\r\nb\r\n", {}))));
  EXPECT_EQ(read_file(files(path_ / "new").at(0)), "a\r\nb\r\n");
}

TEST_F(Maildir, DeliversOnceHoweverOftenItIsTried) {
  auto message = outgoing("a\r\n", {});
  ASSERT_TRUE(accepted(deliver(message)));
  ASSERT_TRUE(accepted(deliver(message)));
  EXPECT_EQ(count(), 1U);
  // A reader has seen it and set flags meanwhile; the new attempt has others.
  auto file = files(path_ / "new").at(0);
  fs::rename(file, path_ / "cur" / (file.filename().string() + ":2,RS"));
  message.answer_lost = true;
  message.flags.add("\\Flagged");
  auto result = deliver(message);
  ASSERT_TRUE(accepted(result));
  EXPECT_EQ(result.answers[0].reply.text, "already there");
  EXPECT_EQ(count(), 1U);
  EXPECT_TRUE(files(path_ / "tmp").empty());

  ASSERT_TRUE(accepted(deliver(outgoing("a\r\n", {}, 2))));
  EXPECT_EQ(count(), 2U);
}

TEST_F(Maildir, AnswersEachRecipientAlike) {
  auto result = deliver(outgoing("a\r\n", {"x@example.org", "y@example.org"}));
  ASSERT_EQ(result.answers.size(), 2U);
  EXPECT_EQ(result.answers[1].reply.kind, Reply::Kind::kAccepted);
  EXPECT_EQ(count(), 1U);
}

TEST_F(Maildir, RefusesFolderNamesThatLeadElsewhere) {
  for (const char* folder : {"../outside", "/etc", "a\nb", "..", "x/../../y"}) {
    auto message = outgoing("a\r\n", {});
    message.folder = folder;
    auto result = deliver(message);
    EXPECT_EQ(result.answers.at(0).reply.kind, Reply::Kind::kPermanent) << folder;
    EXPECT_FALSE(result.failure);
  }
  EXPECT_EQ(files(scratch_.path()).size(), 0U);
}

TEST_F(Maildir, DoesNotFillADirectoryThatIsNone) {
  fs::create_directory(path_);
  std::ofstream(path_ / "letter.txt") << "x";
  auto result = deliver(outgoing("a\r\n", {}));
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind(), mail::FailureKind::kConfiguration);
  EXPECT_EQ(files(path_).size(), 1U);
  fs::remove(path_ / "letter.txt");
  EXPECT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
}

// getmail CVE-2004-0880: a symbolic link in the way of a delivery.
TEST_F(Maildir, FollowsNoLinkBelowItsPath) {
  fs::create_directory(scratch_.path() / "target");
  for (const char* name : {"new", "tmp", "cur", ".Lists"}) {
    fs::remove_all(path_);
    ASSERT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
    fs::remove_all(path_ / name);
    fs::create_symlink(scratch_.path() / "target", path_ / name);
    auto message = outgoing("b\r\n", {}, 2);
    message.folder = name == std::string(".Lists") ? "Lists" : "";
    auto result = deliver(message);
    EXPECT_TRUE(result.failure) << name;
    EXPECT_TRUE(files(scratch_.path() / "target").empty()) << name;
  }
  // A link planted under the name of the file to come.
  fs::remove_all(path_);
  ASSERT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  auto name = files(path_ / "new").at(0).filename().string();
  fs::remove(path_ / "new" / name);
  std::ofstream(scratch_.path() / "victim") << "untouched";
  fs::create_symlink(scratch_.path() / "victim", path_ / "tmp" / name.substr(0, name.find(",S=")));
  EXPECT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  EXPECT_EQ(read_file(scratch_.path() / "victim"), "untouched");
}

TEST_F(Maildir, MakesWhatAHalfMadeOneLacks) {
  fs::create_directories(path_ / "new");
  EXPECT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  EXPECT_TRUE(fs::exists(path_ / "cur"));
}

TEST_F(Maildir, CompletesOneThatAnotherIsMaking) {
  fs::create_directories(path_ / "tmp");  // the first of the three
  EXPECT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  EXPECT_EQ(files(path_ / "new").size(), 1U);
}

TEST_F(Maildir, WritesUnderAFullDiskNothing) {
  ASSERT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  // A child of its own, for the limit stays with the process.
  pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto result = deliver(outgoing(std::string(5000, 'x'), {}, 2));
    bool right = result.failure && result.failure->kind() == mail::FailureKind::kTemporary && !result.answer_lost();
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(count(), 1U);
  EXPECT_TRUE(files(path_ / "tmp").empty());
}

TEST_F(Maildir, ProbeMakesNothing) {
  auto facts = make_maildir(settings_)->probe({});
  EXPECT_EQ(facts.lines.at(1).second, "0 (will be created)");
  EXPECT_FALSE(fs::exists(path_));
  ASSERT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  EXPECT_EQ(make_maildir(settings_)->probe({}).lines.at(1).second, "1 new, 0 seen by a reader");
}

#ifdef MAILSTEAD_FAULTS

constexpr const char* kChildPath = "MAILSTEAD_TEST_MAILDIR";
constexpr const char* kChildDelivery = "MAILSTEAD_TEST_DELIVERY";

// Not a test of its own: the program that dies in the test below.
TEST(MaildirChild, DeliversOneMessage) {
  const char* path = std::getenv(kChildPath);
  if (path == nullptr) GTEST_SKIP() << "is run by HasOneMessageAfterADeathAtEachStage";
  auto message = outgoing("a\r\nb\r\n", {}, std::atoi(std::getenv(kChildDelivery)));
  static_cast<void>(make_maildir(settings_for(path))->open()->deliver(message, {}));
}

// A program of its own, since the failpoints read their environment once.
int run_child(const fs::path& path, storage::DeliveryId id, const std::string& stage) {
  pid_t child = ::fork();
  if (child == 0) {
    ::setenv(kChildPath, path.c_str(), 1);
    ::setenv(kChildDelivery, std::to_string(id).c_str(), 1);
    ::setenv("MAILSTEAD_FAULT", (stage + ":1").c_str(), 1);
    ::execl("/proc/self/exe", "test_local", "--gtest_filter=MaildirChild.*", "--gtest_brief=1", nullptr);
    ::_exit(127);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

// The attempt after a death knows that an answer was lost, and makes it one message.
TEST_F(Maildir, HasOneMessageAfterADeathAtEachStage) {
  const struct {
    const char* stage;
    std::size_t left_behind;
  } stages[] = {{"maildir.before_sync", 0}, {"delivery.before_answer", 1}, {"delivery.after_answer", 1}};
  storage::DeliveryId id = 0;
  for (const auto& [stage, left_behind] : stages) {
    SCOPED_TRACE(stage);
    auto before = count();
    int status = run_child(path_, ++id, stage);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    EXPECT_EQ(count(), before + left_behind);
    auto message = outgoing("a\r\nb\r\n", {}, id);
    message.answer_lost = true;
    EXPECT_TRUE(accepted(deliver(message)));
    EXPECT_EQ(count(), before + 1);
    EXPECT_TRUE(files(path_ / "tmp").empty());
  }
}

#endif

}  // namespace
}  // namespace mailstead::testing
