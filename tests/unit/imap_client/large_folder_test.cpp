// Folders of many and of sparse UIDs, against a small server in memory that answers what is asked.
#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "connectors/imap/client/retriever.h"
#include "connectors/imap/codec/sequence_set.h"
#include "mail/failure.h"
#include "tests/support/memory_stream.h"
#include "tests/support/retrieval_fakes.h"

namespace mailstead::imap {
namespace {

using testing::MemoryLedger;
using testing::MemoryStream;
using testing::RecordingSink;

struct Mailbox {
  std::vector<std::uint32_t> uids;  // ascending
  std::uint32_t uid_next = 1;
  std::vector<std::string> commands;
  std::size_t longest_command = 0;
  std::size_t most_listed = 0;
  std::size_t octets_left = SIZE_MAX;  // then the connection ends
};

// Answers each command as soon as it is written whole; every message is its UID in ten digits.
class MailboxStream final : public net::Stream {
 public:
  explicit MailboxStream(Mailbox& mailbox) : mailbox_(mailbox) {
    out_ = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n";
  }
  std::size_t read_some(std::span<char> into, const net::Deadline&) override {
    std::size_t count = std::min({into.size(), out_.size() - position_, mailbox_.octets_left});
    mailbox_.octets_left -= count;
    std::copy_n(out_.begin() + static_cast<std::ptrdiff_t>(position_), count, into.begin());
    position_ += count;
    if (position_ == out_.size()) {
      out_.clear();
      position_ = 0;
    }
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline&) override {
    in_ += bytes;
    for (auto end = in_.find("\r\n"); end != std::string::npos; end = in_.find("\r\n")) {
      obey(in_.substr(0, end));
      in_.erase(0, end + 2);
    }
  }
  net::TryResult try_read(std::span<char>) override { return {net::TryResult::State::kEnd, 0}; }
  net::TryResult try_write(std::string_view) override { return {net::TryResult::State::kEnd, 0}; }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override {}
  net::TryResult try_accept_tls(const net::ServerTls&) override { return {net::TryResult::State::kEnd, 0}; }
  std::optional<net::TlsFacts> tls() const override { return std::nullopt; }
  bool has_pending() const override { return false; }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "127.0.0.1:143"; }
  void close() noexcept override {}

 private:
  void obey(const std::string& line) {
    mailbox_.commands.push_back(line);
    mailbox_.longest_command = std::max(mailbox_.longest_command, line.size());
    auto blank = line.find(' ');
    std::string tag = line.substr(0, blank), rest = line.substr(blank + 1);
    if (rest.starts_with("AUTHENTICATE")) out_ += tag + " OK [CAPABILITY IMAP4rev1] done\r\n";
    if (rest.starts_with("EXAMINE")) {
      out_ += "* " + std::to_string(mailbox_.uids.size()) + " EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT " +
              std::to_string(mailbox_.uid_next) + "] x\r\n" + tag + " OK done\r\n";
    }
    if (rest.starts_with("UID FETCH ")) fetch(tag, rest.substr(10));
    if (rest.starts_with("LOGOUT")) out_ += tag + " OK done\r\n";
  }

  void fetch(const std::string& tag, const std::string& rest) {
    bool body = rest.find("BODY") != std::string::npos, flags = rest.find("FLAGS") != std::string::npos;
    auto set =
        SequenceSet::parse(rest.substr(0, rest.find(' ')))->resolved(mailbox_.uids.empty() ? 0 : mailbox_.uids.back());
    std::size_t listed = 0;
    for (const auto& range : set.ranges()) {
      auto begin = std::lower_bound(mailbox_.uids.begin(), mailbox_.uids.end(), range.first);
      for (auto uid = begin; uid != mailbox_.uids.end() && *uid <= range.last; ++uid, ++listed) {
        std::string text = std::to_string(*uid);
        text.insert(0, 10 - text.size(), '0');
        out_ += "* 1 FETCH (UID " + std::to_string(*uid);
        if (flags) out_ += " FLAGS () INTERNALDATE \"17-Jul-2023 02:44:25 -0700\"";
        out_ += (body ? " BODY[] {10}\r\n" + text : "") + ")\r\n";
      }
    }
    if (!body) mailbox_.most_listed = std::max(mailbox_.most_listed, listed);
    out_ += tag + " OK done\r\n";
  }

  Mailbox& mailbox_;
  std::string in_, out_;
  std::size_t position_ = 0;
};

retrieval::PollResult poll(Mailbox& mailbox, MemoryLedger& ledger, RecordingSink& sink, std::uint32_t limit = 0) {
  retrieval::AccountSettings settings;
  settings.name = "a";
  settings.endpoint.host = "127.0.0.1";
  settings.endpoint.tls = net::TlsMode::kNone;
  settings.credentials.user = "alice";
  settings.credentials.password = [] { return mail::Secret("secret"); };
  settings.max_messages_per_poll = limit;
  auto retriever =
      make_retriever(settings, [&](const auto&, const auto&) { return std::make_unique<MailboxStream>(mailbox); });
  retrieval::PollObserver observer;
  auto result = retriever->poll(ledger, sink, observer, {}, {}, {});
  retriever->disconnect();
  EXPECT_EQ(sink.misuse, "");
  return result;
}

void expect_all_once(const Mailbox& mailbox, const RecordingSink& sink) {
  ASSERT_EQ(sink.messages.size(), mailbox.uids.size());
  for (std::size_t i = 0; i < mailbox.uids.size(); ++i) {
    ASSERT_EQ(sink.messages[i].facts.source.uid, mailbox.uids[i]);
    ASSERT_EQ(std::stoul(sink.messages[i].content), mailbox.uids[i]);
  }
}

struct FolderRow {
  const char* name;
  std::size_t messages;
  std::uint32_t step;  // from one UID to the next
  std::uint32_t first;
};

class ImapLargeFolder : public ::testing::TestWithParam<FolderRow> {};

TEST_P(ImapLargeFolder, ComesWholeInBoundedWindows) {
  Mailbox mailbox;
  for (std::size_t i = 0; i < GetParam().messages; ++i) {
    mailbox.uids.push_back(GetParam().first + static_cast<std::uint32_t>(i) * GetParam().step);
  }
  mailbox.uid_next = mailbox.uids.back() + 1;
  MemoryLedger ledger;
  RecordingSink sink(ledger);
  auto result = poll(mailbox, ledger, sink);
  EXPECT_EQ(result.fetched, mailbox.uids.size());
  expect_all_once(mailbox, sink);
  EXPECT_EQ(ledger.folders["INBOX"].done_through, mailbox.uids.back());
  EXPECT_LE(mailbox.most_listed, 40'000U);
  EXPECT_LE(mailbox.longest_command, 1100U);

  RecordingSink again(ledger);
  EXPECT_EQ(poll(mailbox, ledger, again).fetched, 0U);
}

INSTANTIATE_TEST_SUITE_P(Rows, ImapLargeFolder,
                         ::testing::Values(FolderRow{"dense", 50'000, 1, 1}, FolderRow{"even", 30'000, 2, 2},
                                           FolderRow{"sparse", 25'000, 100'000, 5},
                                           FolderRow{"late", 21'000, 1, 4'294'900'000},
                                           FolderRow{"small_and_sparse", 100, 40'000'000, 1}),
                         [](const auto& row) { return row.param.name; });

TEST(ImapLargeFolder, ComesInPartsUnderALimit) {
  Mailbox mailbox;
  for (std::uint32_t uid = 1; uid <= 1000; ++uid) mailbox.uids.push_back(uid * 3);
  mailbox.uid_next = 3001;
  MemoryLedger ledger;
  RecordingSink sink(ledger);
  int polls = 0;
  while (poll(mailbox, ledger, sink, 300).more) ++polls;
  EXPECT_EQ(polls, 3);
  expect_all_once(mailbox, sink);
  EXPECT_EQ(ledger.folders["INBOX"].done_through, 3000U);
}

// Wherever the connection breaks, and however often: each message comes once, whole.
TEST(ImapLargeFolder, ComesWholeAfterAnyCut) {
  for (std::size_t cut = 1;; ++cut) {
    Mailbox mailbox{{3, 4, 9}, 10, {}, 0, 0, cut};
    MemoryLedger ledger;
    RecordingSink sink(ledger);
    bool broken = false;
    try {
      poll(mailbox, ledger, sink);
    } catch (const mail::Failure& failure) {
      ASSERT_EQ(failure.kind(), mail::FailureKind::kTemporary) << cut << failure.text();
      sink.flush();
      broken = true;
    }
    mailbox.octets_left = SIZE_MAX;
    if (broken) poll(mailbox, ledger, sink);
    ASSERT_EQ(sink.messages.size(), 3U) << cut;
    for (const auto& message : sink.messages) {
      ASSERT_EQ(std::stoul(message.content), message.facts.source.uid) << cut;
    }
    ASSERT_TRUE(ledger.kept_troubles.empty()) << cut;
    if (!broken) break;
  }
}

TEST(ImapLargeFolder, FillsTheGapsThatAnEarlierPollLeft) {
  Mailbox mailbox;
  for (std::uint32_t uid = 1; uid <= 20; ++uid) mailbox.uids.push_back(uid);
  mailbox.uid_next = 21;
  MemoryLedger ledger;
  ledger.folders["INBOX"] = {7, 4, {6, 7, 9, 20}, {}, {}, false};
  RecordingSink sink(ledger);
  EXPECT_EQ(poll(mailbox, ledger, sink).fetched, 12U);
  EXPECT_EQ(ledger.folders["INBOX"].done_through, 20U);
}

}  // namespace
}  // namespace mailstead::imap
