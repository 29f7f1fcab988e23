#include "connectors/local/saved_file.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

#include "mail/failure.h"
#include "tests/unit/local/scratch.h"

namespace mailstead::local {
namespace {

namespace fs = std::filesystem;
using testing::read_file;
using testing::Scratch;
using testing::write_file;

class SavedFile : public ::testing::Test {
 protected:
  std::string save(const std::string& name, const std::string& bytes, const std::string& folder = "") {
    return save_file(base(), folder, name, bytes);
  }
  std::string base() const { return (scratch_.path() / "base").string(); }
  std::vector<std::string> names(const std::string& folder = "") const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(base() + "/" + folder))
      found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }
  Scratch scratch_;
};

TEST_F(SavedFile, IsWrittenForUsAloneAndNeverOverAnother) {
  EXPECT_EQ(save("a.pdf", "one"), base() + "/a.pdf");
  EXPECT_EQ(save("a.pdf", "two"), base() + "/a (2).pdf");
  EXPECT_EQ(save("a.pdf", ""), base() + "/a (3).pdf");
  EXPECT_EQ(save("no extension", "x"), base() + "/no extension");
  EXPECT_EQ(save("no extension", "y"), base() + "/no extension (2)");
  EXPECT_EQ(names(), (std::vector<std::string>{"a (2).pdf", "a (3).pdf", "a.pdf", "no extension", "no extension (2)"}));
  EXPECT_EQ(read_file(base() + "/a.pdf"), "one");
  EXPECT_EQ(read_file(base() + "/a (2).pdf"), "two");
  struct stat facts {};
  ASSERT_EQ(::stat((base() + "/a.pdf").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0600U);
}

TEST_F(SavedFile, MakesDirectoriesAndStaysBelowThem) {
  EXPECT_EQ(save("a", "1", "bank.example/2026"), base() + "/bank.example/2026/a");
  EXPECT_EQ(fs::status(base() + "/bank.example").permissions(), fs::perms::owner_all);
  fs::create_directory(scratch_.path() / "elsewhere");
  fs::create_directory_symlink(scratch_.path() / "elsewhere", base() + "/link");
  EXPECT_THROW((void)save("a", "1", "link"), mail::Failure);
  EXPECT_THROW((void)save("a", "1", "link/deeper"), mail::Failure);
  for (const char* folder : {"..", "a/..", "/etc", "a//b", "."})
    EXPECT_THROW((void)save("a", "1", folder), mail::Failure);
  for (const char* name : {"..", ".", "", "a/b", "../a"}) EXPECT_THROW((void)save(name, "1"), mail::Failure) << name;
  EXPECT_TRUE(fs::is_empty(scratch_.path() / "elsewhere"));
  EXPECT_FALSE(fs::exists(scratch_.path() / "a"));
}

TEST_F(SavedFile, ALinkInPlaceOfTheNameIsNotFollowed) {
  (void)save("x", "");
  write_file(scratch_.path() / "victim", "precious");
  fs::create_symlink(scratch_.path() / "victim", base() + "/a.pdf");
  fs::create_symlink(scratch_.path() / "nothing", base() + "/a (2).pdf");
  EXPECT_EQ(save("a.pdf", "new"), base() + "/a (3).pdf");
  EXPECT_EQ(read_file(scratch_.path() / "victim"), "precious");
  EXPECT_FALSE(fs::exists(scratch_.path() / "nothing"));
}

TEST_F(SavedFile, LeavesNothingBehindWhenItCannotBeWritten) {
  EXPECT_THROW((void)save_file((scratch_.path() / "no" / "parent").string(), "", "a", "1"), mail::Failure);
  write_file(scratch_.path() / "file", "");
  EXPECT_THROW((void)save_file((scratch_.path() / "file").string(), "", "a", "1"), mail::Failure);
  EXPECT_THROW((void)save(std::string(300, 'x'), "1"), mail::Failure);
  EXPECT_TRUE(names().empty());
}

TEST_F(SavedFile, ManyAtOnceAllHaveNames) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([this] {
      for (int round = 0; round < 10; ++round) (void)save("a.txt", "text");
    });
  threads.clear();
  EXPECT_EQ(names().size(), 40U);
  for (const std::string& name : names()) EXPECT_EQ(read_file(base() + "/" + name), "text");
}

}  // namespace
}  // namespace mailstead::local
