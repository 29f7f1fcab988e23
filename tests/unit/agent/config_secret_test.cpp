#include "agent/config/secret_source.h"
#include "mail/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mailstead::agent {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// What the source gives, or "!" and the words of its failure.
template <typename Fetch>
std::string outcome(Fetch&& fetch) {
  try {
    return std::string(fetch().reveal());
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.kind(), mail::FailureKind::kConfiguration);
    EXPECT_EQ(failure.scope(), mail::FailureScope::kAccount);
    return '!' + failure.text();
  }
}

class ConfigSecret : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "mailstead-secret-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    std::filesystem::remove_all(directory_);
    for (const char* name : {"NETRC", "CREDENTIALS_DIRECTORY", "MAILSTEAD_TEST_SECRET"}) ::unsetenv(name);
  }
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    std::string path = (directory_ / name).string();
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  std::filesystem::path directory_;
};

TEST_F(ConfigSecret, IsTheFirstLineOfAFile) {
  EXPECT_EQ(outcome([&] { return secret_of_file(write("a", "pass word\r\nmore\n")); }), "pass word");
  EXPECT_EQ(outcome([&] { return secret_of_file(write("a", "no-end")); }), "no-end");
  EXPECT_THAT(outcome([&] { return secret_of_file(write("a", "\nx")); }), HasSubstr("no password in its first line"));
  EXPECT_THAT(outcome([&] { return secret_of_file(write("a", std::string("a\0b", 3))); }), HasSubstr("NUL"));
  EXPECT_THAT(outcome([&] { return secret_of_file(write("b", "x", 0644)); }), HasSubstr("chmod 600"));
  EXPECT_THAT(outcome([&] { return secret_of_file((directory_ / "none").string()); }), HasSubstr("No such file"));
  EXPECT_THAT(outcome([&] { return secret_of_file(directory_.string()); }), HasSubstr("directory"));
  EXPECT_THAT(outcome([&] { return secret_of_file(write("c", std::string(kMaxSecretBytes + 2, 'x'))); }),
              HasSubstr("larger than"));
}

TEST_F(ConfigSecret, ComesFromTheEnvironment) {
  EXPECT_THAT(outcome([] { return secret_of_variable("MAILSTEAD_TEST_SECRET"); }), HasSubstr("is not set"));
  ASSERT_EQ(::setenv("MAILSTEAD_TEST_SECRET", "s3", 1), 0);
  EXPECT_EQ(outcome([] { return secret_of_variable("MAILSTEAD_TEST_SECRET"); }), "s3");
}

TEST_F(ConfigSecret, ComesFromSystemdCredentials) {
  EXPECT_THAT(outcome([] { return secret_of_credential("work"); }), HasSubstr("LoadCredential=work"));
  write("work", "cred\n", 0440);
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1), 0);
  EXPECT_EQ(outcome([] { return secret_of_credential("work"); }), "cred");
  EXPECT_THAT(outcome([] { return secret_of_credential("none"); }), HasSubstr("No such file"));
}

TEST_F(ConfigSecret, ComesFromACommandWithoutAShell) {
  EXPECT_EQ(outcome([] { return secret_of_command({"printf", "%s\n", "$HOME; x"}, 30s); }), "$HOME; x");
  EXPECT_THAT(outcome([] { return secret_of_command({"false"}, 30s); }), HasSubstr("ended with status 1"));
  EXPECT_THAT(outcome([] { return secret_of_command({"/nonexistent/program"}, 30s); }), HasSubstr("cannot be started"));
  EXPECT_THAT(outcome([] { return secret_of_command({"true"}, 30s); }), HasSubstr("no password"));
  EXPECT_THAT(outcome([] { return secret_of_command({"sh", "-c", "kill -9 $$"}, 30s); }), HasSubstr("signal 9"));
  EXPECT_THAT(outcome([] { return secret_of_command({"cat", "/dev/zero"}, 30s); }), HasSubstr("writes too much"));
  EXPECT_EQ(outcome([] { return secret_of_command({"sh", "-c", "cat; echo end"}, 30s); }), "end");
}

TEST_F(ConfigSecret, StopsACommandThatTakesTooLongWithItsChildren) {
  auto start = std::chrono::steady_clock::now();
  std::string marker = (directory_ / "alive").string();
  std::string script = "(sleep 30; touch " + marker + ") & sleep 30";
  EXPECT_THAT(outcome([&] { return secret_of_command({"sh", "-c", script}, 1s); }), HasSubstr("took longer than 1 s"));
  EXPECT_THAT(outcome([&] {
                return secret_of_command({"sh", "-c", "exec >&-; sleep 30"}, 1s);
              }),
              HasSubstr("took longer than 1 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST_F(ConfigSecret, ComesFromNetrc) {
  std::string path = write("netrc", R"(# comment
machine other.example login alice password wrong
machine imap.example.org
  login bob account x password bobs
machine IMAP.example.org login alice password "with blank \" quote"
macdef init
password trap

default login anonymous password any
)");
  ASSERT_EQ(::setenv("NETRC", path.c_str(), 1), 0);
  EXPECT_EQ(outcome([] { return secret_of_netrc("imap.example.org", "alice"); }), "with blank \" quote");
  EXPECT_EQ(outcome([] { return secret_of_netrc("imap.example.org", "bob"); }), "bobs");
  EXPECT_EQ(outcome([] { return secret_of_netrc("imap.example.org", ""); }), "bobs");
  EXPECT_EQ(outcome([] { return secret_of_netrc("nowhere.example", "anonymous"); }), "any");
  EXPECT_THAT(outcome([] { return secret_of_netrc("nowhere.example", "carol"); }), HasSubstr("has no password for"));
  write("netrc", "default password x", 0644);
  EXPECT_THAT(outcome([] { return secret_of_netrc("h", ""); }), HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace mailstead::agent
