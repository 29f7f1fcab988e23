#include "agent/pipeline/list_files.h"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "mail/failure.h"

namespace mailstead::agent {
namespace {

class ListFilesTest : public testing::Test {
 protected:
  ListFilesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mailstead-lists-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    file_ = directory_ + "/list";
  }
  ~ListFilesTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& text) { std::ofstream(file_) << text; }
  std::string entry_for(const std::string& address) {
    std::string entry;
    return lists_.holds(file_, address, entry) ? entry : "";
  }

  std::string directory_, file_;
  ListFiles lists_;
};

TEST_F(ListFilesTest, HoldsAddressesDomainsAndThoseBelowThem) {
  write("# friends\nBob@Example.com   # the one\r\n@club.example\n\nfirm.example\n.uni.example\nlast@x.example");
  EXPECT_EQ(entry_for("bob@example.COM"), "bob@example.com");
  EXPECT_EQ(entry_for("eve@example.com"), "");
  EXPECT_EQ(entry_for("any@club.example"), "club.example");
  EXPECT_EQ(entry_for("any@sub.club.example"), "");
  EXPECT_EQ(entry_for("any@firm.example"), "firm.example");
  EXPECT_EQ(entry_for("any@math.uni.example"), ".uni.example");
  EXPECT_EQ(entry_for("any@a.b.uni.example"), ".uni.example");
  EXPECT_EQ(entry_for("any@uni.example"), "");
  EXPECT_EQ(entry_for("last@x.example"), "last@x.example");
  EXPECT_EQ(entry_for("no address"), "");
  EXPECT_EQ(entry_for(""), "");
}

TEST_F(ListFilesTest, IsReadAgainWhenItChanges) {
  write("a@x.example\n");
  EXPECT_EQ(entry_for("b@x.example"), "");
  write("a@x.example\nb@x.example\n");
  for (int i = 0; i < 100 && entry_for("b@x.example").empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(entry_for("b@x.example"), "b@x.example");
}

TEST_F(ListFilesTest, OneThatCannotBeReadIsAFailure) {
  std::string entry;
  EXPECT_THROW((void)lists_.holds(file_, "a@x.example", entry), mail::Failure);
  EXPECT_THROW((void)lists_.holds(directory_, "a@x.example", entry), mail::Failure);
  write("a@x.example\n");
  EXPECT_TRUE(lists_.holds(file_, "a@x.example", entry));
}

}  // namespace
}  // namespace mailstead::agent
