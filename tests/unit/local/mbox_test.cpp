#include "connectors/local/mbox.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "connectors/local/mbox_record.h"
#include "tests/support/destination_contract.h"
#include "tests/unit/local/scratch.h"

namespace mailstead::testing {
namespace {

namespace fs = std::filesystem;
using delivery::Reply;
using local::MboxRecord;
using namespace std::chrono_literals;

constexpr const char* kFromLine = "From sender@example.org Tue Nov 14 22:13:20 2023\n";

// The messages of an mboxrd file, by an own reading of the format.
std::vector<std::string> messages_in(const std::string& text) {
  std::vector<std::string> messages;
  bool after_empty = true;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    at = end == std::string::npos ? text.size() : end + 1;
    if (after_empty && line.starts_with("From ")) {
      if (!messages.empty()) messages.back().resize(messages.back().size() - 2);  // the empty line
      messages.emplace_back();
      after_empty = false;
      continue;
    }
    after_empty = line.empty();
    const auto word = line.find_first_not_of('>');
    if (word != 0 && word != std::string::npos && line.substr(word).starts_with("From ")) line.erase(0, 1);
    if (messages.empty()) messages.emplace_back();
    messages.back() += line + "\r\n";
  }
  if (!messages.empty() && messages.back().ends_with("\r\n")) messages.back().resize(messages.back().size() - 2);
  return messages;
}

class MboxSubject {
 public:
  MboxSubject() : mbox_(local::make_mbox({(scratch_.path() / "mbox").string()})) {}
  const delivery::Destination& destination() { return *mbox_; }
  std::vector<std::string> recipients() { return {}; }
  std::vector<std::string> arrived() {
    if (!fs::exists(scratch_.path() / "mbox")) return {};
    return messages_in(read_file(scratch_.path() / "mbox"));
  }
  void break_it() { mbox_ = local::make_mbox({(scratch_.path() / "no such parent" / "mbox").string()}); }

 private:
  Scratch scratch_;
  std::unique_ptr<delivery::Destination> mbox_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Mbox, DestinationContract, MboxSubject);

std::string record_of(const std::string& message, std::size_t split = std::string::npos) {
  MboxRecord record;
  std::string out;
  record.convert(std::string_view(message).substr(0, split), out);
  if (split < message.size()) record.convert(std::string_view(message).substr(split), out);
  record.finish(out);
  return out;
}

TEST(MboxRecord, QuotesLinesThatWouldBeginAMessage) {
  const std::string texts[][2] = {
      {"a\r\nb\r\n", "a\nb\n\n"},
      {"From x\r\n>From y\r\n>>From z\r\n", ">From x\n>>From y\n>>>From z\n\n"},
      {"a\r\nFrom\r\nFro\r\n From \r\nfrom \r\n> From \r\n>\r\n", "a\nFrom\nFro\n From \nfrom \n> From \n>\n\n"},
      {"a\r\n\r\nFrom ", "a\n\n>From \n\n"},
      {"a\r\n>>Fro", "a\n>>Fro\n\n"},
      {"no end", "no end\n\n"},
      {"", "\n"},
      {"a\nb\r\rc\r", "a\nb\r\rc\r\n\n"},
  };
  for (const auto& [message, expected] : texts) {
    for (std::size_t split = 0; split <= message.size(); ++split)
      EXPECT_EQ(record_of(message, split), expected) << message << " at " << split;
  }
}

TEST(MboxRecord, BeginsWithOneWordAndADate) {
  const mail::WallTime date(std::chrono::seconds(1'700'000'000));
  EXPECT_EQ(MboxRecord::from_line("sender@example.org", date), kFromLine);
  EXPECT_EQ(MboxRecord::from_line("", date), "From MAILER-DAEMON Tue Nov 14 22:13:20 2023\n");
  EXPECT_EQ(MboxRecord::from_line("\"a b\n\"@c", date), "From \"a-b-\"@c Tue Nov 14 22:13:20 2023\n");
  EXPECT_EQ(MboxRecord::from_line("a@b", mail::WallTime(std::chrono::seconds(86'400 * 2))),
            "From a@b Sat Jan  3 00:00:00 1970\n");
}

class Mbox : public ::testing::Test {
 protected:
  Mbox() : path_(scratch_.path() / "mbox"), mbox_(local::make_mbox({path_.string()})) {}
  delivery::Result deliver(const delivery::Outgoing& message) { return mbox_->open()->deliver(message, {}); }
  static bool accepted(const delivery::Result& result) {
    return !result.failure && result.answers.at(0).reply.kind == Reply::Kind::kAccepted;
  }
  std::string text() const { return read_file(path_); }

  Scratch scratch_;
  fs::path path_;
  std::unique_ptr<delivery::Destination> mbox_;
};

TEST_F(Mbox, MakesAFileForUsAloneAndLeavesNoLock) {
  ASSERT_TRUE(accepted(deliver(outgoing("a\r\n\r\nb\r\n", {}))));
  EXPECT_EQ(text(), std::string(kFromLine) + "a\n\nb\n\n");
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch_.path()), fs::directory_iterator()), 1);
}

TEST_F(Mbox, PartsItsMessageFromWhateverStandsBefore) {
  for (const char* before : {"From a\n\nx\n\n", "From a\n\nx\n", "From a\n\nx", "x", "\n"}) {
    write_file(path_, before);
    ASSERT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
    const std::string after = text();
    EXPECT_TRUE(after.starts_with(before));
    EXPECT_TRUE(after.ends_with(std::string("\n") + kFromLine + "a\n\n")) << after;
    EXPECT_EQ(messages_in(after).back(), "a\r\n");
  }
}

TEST_F(Mbox, FindsWhatAnAttemptLeftThatDiedAnywhere) {
  const std::string before = "From a\n\nfirst\n\n";
  auto message = outgoing("Subject: x\r\n\r\nFrom here\r\n" + std::string(70'000, 'y') + "\r\nend\r\n", {});
  const std::string record =
      std::string(kFromLine) + "Subject: x\n\n>From here\n" + std::string(70'000, 'y') + "\nend\n\n";
  message.answer_lost = true;
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < 120; ++i) ends.insert(ends.end(), {i, record.size() - i});
  ends.insert(ends.end(), {65'535, 65'536, 65'537});
  for (const std::size_t end : ends) {
    write_file(path_, before + record.substr(0, end));
    const auto result = deliver(message);
    ASSERT_TRUE(accepted(result)) << end;
    EXPECT_EQ(result.answers[0].reply.text, end == record.size() ? "already there" : "written") << end;
    ASSERT_EQ(text(), before + record) << end;
  }
  // Other mail may have come after it.
  write_file(path_, before + record + "From b\n\nlater\n\n");
  EXPECT_EQ(deliver(message).answers[0].reply.text, "already there");
  EXPECT_EQ(messages_in(text()).size(), 3U);
  // A message of the same sender and second is another one.
  write_file(path_, before + kFromLine + "Subject: z\n\n");
  EXPECT_EQ(deliver(message).answers[0].reply.text, "written");
  EXPECT_EQ(messages_in(text()).size(), 3U);
}

TEST_F(Mbox, CutsNothingThatIsNotItsOwn) {
  auto message = outgoing("a\r\n", {});
  message.answer_lost = true;
  for (const char* before :
       {"From a\n\nFrom", "From a\n\nx\nFrom sender@example.org", "From a\n\nx\n\nFrom sender@example.com"}) {
    write_file(path_, before);
    ASSERT_TRUE(accepted(deliver(message)));
    if (std::string(before) == "From a\n\nFrom")
      EXPECT_EQ(text(), std::string("From a\n\n") + kFromLine + "a\n\n");
    else
      EXPECT_TRUE(text().starts_with(before)) << text();
  }
}

TEST_F(Mbox, KeepsMessagesOfManyThreadsApart) {
  const std::string body(100'000, 'x');
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(accepted(deliver(outgoing("S: " + std::to_string(t * 10 + i) + "\r\n\r\n" + body + "\r\n", {}))));
    });
  threads.clear();
  const auto found = messages_in(text());
  ASSERT_EQ(found.size(), 20U);
  for (const auto& one : found) EXPECT_TRUE(one.ends_with("\r\n\r\n" + body + "\r\n"));
}

// A program that holds the fcntl lock until `release` is closed; returns when it has it.
pid_t hold_lock(const fs::path& path, int& release) {
  int held[2], let_go[2];
  if (::pipe(held) != 0 || ::pipe(let_go) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(let_go[1]);
    const int file = ::open(path.c_str(), O_RDWR);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    char octet = ::fcntl(file, F_SETLK, &whole) == 0 ? 'y' : 'n';
    if (::write(held[1], &octet, 1) != 1) ::_exit(1);
    while (::read(let_go[0], &octet, 1) < 0 && errno == EINTR) continue;
    ::_exit(::write(file, "From b\n\nlate\n\n", 14) == 14 ? 0 : 1);
  }
  ::close(let_go[0]);
  ::close(held[1]);
  char answer = 'n';
  while (::read(held[0], &answer, 1) < 0 && errno == EINTR) continue;
  ::close(held[0]);
  EXPECT_EQ(answer, 'y');
  release = let_go[1];
  return child;
}

TEST_F(Mbox, WaitsForProgramsThatLockByFcntl) {
  write_file(path_, "");
  int release = -1;
  const pid_t child = hold_lock(path_, release);
  ASSERT_GT(child, 0);
  std::jthread other([release] {
    std::this_thread::sleep_for(120ms);
    ::close(release);
  });
  EXPECT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  int status = 1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text(), std::string("From b\n\nlate\n\n") + kFromLine + "a\n\n");
}

TEST_F(Mbox, WaitsForADotLockAndRemovesAStaleOne) {
  const fs::path lock = path_.string() + ".lock";
  write_file(lock, "1\n");
  std::stop_source stop;
  std::jthread other([&stop] {
    std::this_thread::sleep_for(120ms);
    stop.request_stop();
  });
  const auto result = mbox_->open()->deliver(outgoing("a\r\n", {}), {stop.get_token(), {}});
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind(), mail::FailureKind::kCancelled);
  EXPECT_TRUE(fs::exists(lock)) << "another's";
  EXPECT_FALSE(fs::exists(path_));

  // Whom another machine's lock names may well live there.
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  std::array<char, 256> host{};
  ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
  const std::string dead = std::to_string(gone) + ":";
  for (const std::string& owner : {std::to_string(::getpid()) + ":" + host.data(), dead + "elsewhere", dead}) {
    write_file(lock, owner + "\n");
    std::stop_source soon;
    std::jthread ends([&soon] {
      std::this_thread::sleep_for(120ms);
      soon.request_stop();
    });
    EXPECT_TRUE(mbox_->open()->deliver(outgoing("a\r\n", {}), {soon.get_token(), {}}).failure) << owner;
  }
  write_file(lock, dead + host.data() + "\n");
  EXPECT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  EXPECT_FALSE(fs::exists(lock));

  write_file(lock, "1\n");
  fs::last_write_time(lock, fs::file_time_type::clock::now() - 600s);
  EXPECT_TRUE(accepted(deliver(outgoing("a\r\n", {}))));
  EXPECT_FALSE(fs::exists(lock));
}

TEST_F(Mbox, TakesBackWhatItCouldNotWriteWhole) {
  write_file(path_, "From a\n\nx\n\n");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{150'000, 150'000};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto result = deliver(outgoing(std::string(300'000, 'x') + "\r\n", {}));
    ::_exit(result.failure && !result.answer_lost() && result.failure->kind() == mail::FailureKind::kTemporary ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text(), "From a\n\nx\n\n");
}

TEST_F(Mbox, SaysWhatIsNoMbox) {
  fs::create_directory(path_);
  const auto result = deliver(outgoing("a\r\n", {}));
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind(), mail::FailureKind::kConfiguration);
  EXPECT_NE(result.failure->text().find("\"maildir\""), std::string::npos) << result.failure->text();
  EXPECT_THROW(static_cast<void>(mbox_->probe({})), mail::Failure);
}

}  // namespace
}  // namespace mailstead::testing
