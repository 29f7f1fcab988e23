// Round trips of whole polls against a small server in memory, counted as turns of the wire: a read that follows a
// write. With the opening of the connection and the greeting that is what a poll costs on a slow line.
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/retriever.h"
#include "mail/failure.h"
#include "tests/support/retrieval_fakes.h"

namespace mailstead::imap {
namespace {

using net::TryResult;

struct Wire {
  int turns = 1;  // the greeting
  std::string commands;
};

// The server's side of COMPRESS DEFLATE.
class Compression {
 public:
  Compression() {
    EXPECT_EQ(deflateInit2(&out_, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    EXPECT_EQ(inflateInit2(&in_, -15), Z_OK);
  }
  ~Compression() {
    deflateEnd(&out_);
    inflateEnd(&in_);
  }
  Compression(const Compression&) = delete;
  Compression& operator=(const Compression&) = delete;

  std::string inflated(std::string_view bytes) {
    return run(in_, bytes, [](z_stream* s) { return inflate(s, Z_SYNC_FLUSH); });
  }
  std::string deflated(std::string_view bytes) {
    return run(out_, bytes, [](z_stream* s) { return deflate(s, Z_SYNC_FLUSH); });
  }

 private:
  template <typename Step>
  static std::string run(z_stream& stream, std::string_view bytes, Step step) {
    std::string result(bytes.size() * 20 + 1000, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    const int outcome = step(&stream);
    EXPECT_TRUE(outcome == Z_OK || outcome == Z_BUF_ERROR) << outcome;
    EXPECT_EQ(stream.avail_in, 0U);
    result.resize(result.size() - stream.avail_out);
    return result;
  }
  z_stream out_{}, in_{};
};

class ServerStream final : public net::Stream {
 public:
  ServerStream(Wire& wire, std::uint32_t messages, std::string extensions)
      : wire_(wire), messages_(messages), extensions_(std::move(extensions)) {
    wire_out_ = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n";
  }
  std::size_t read_some(std::span<char> into, const net::Deadline&) override {
    if (std::exchange(wrote_, false)) ++wire_.turns;
    std::size_t count = std::min(into.size(), wire_out_.size());
    std::copy_n(wire_out_.begin(), count, into.begin());
    wire_out_.erase(0, count);
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline&) override {
    wrote_ = true;
    in_ += compression_ ? compression_->inflated(bytes) : std::string(bytes);
    for (auto end = in_.find("\r\n"); end != std::string::npos; end = in_.find("\r\n")) {
      answer(in_.substr(0, end));
      in_.erase(0, end + 2);
    }
  }
  TryResult try_read(std::span<char>) override { return {TryResult::State::kWantsRead, 0}; }
  TryResult try_write(std::string_view) override { return {TryResult::State::kEnd, 0}; }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override {}
  TryResult try_accept_tls(const net::ServerTls&) override { return {TryResult::State::kEnd, 0}; }
  std::optional<net::TlsFacts> tls() const override { return std::nullopt; }
  bool has_pending() const override { return !wire_out_.empty(); }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "127.0.0.1:143"; }
  void close() noexcept override {}

 private:
  void answer(const std::string& line) {
    wire_.commands += line.substr(line.find(' ') + 1) + "\n";
    std::string tag = line.substr(0, line.find(' ')), command = line.substr(tag.size() + 1), code;
    std::string next = std::to_string(messages_ + 1);
    if (command.starts_with("AUTH")) code = " [CAPABILITY IMAP4rev1" + extensions_ + "]";
    if (command.starts_with("EXAMINE")) {
      out_ +=
          "* " + std::to_string(messages_) + " EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT " + next + "] x\r\n";
    }
    if (command.starts_with("LIST")) {
      for (int i = 0; i < kFolders; ++i) {
        std::string name = "f" + std::to_string(i);
        out_ += "* LIST () \"/\" " + name + "\r\n";
        if (command.find("STATUS") != std::string::npos) status(name);
      }
    }
    if (command.starts_with("STATUS ")) status(command.substr(7, command.find(' ', 7) - 7));
    if (command.starts_with("UID FETCH")) fetch(command);
    out_ += tag + " OK" + code + " done\r\n";
    wire_out_ += compression_ ? compression_->deflated(out_) : out_;
    out_.clear();
    if (command == "COMPRESS DEFLATE") compression_.emplace();
  }
  void status(const std::string& name) { out_ += "* STATUS " + name + " (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7)\r\n"; }
  void fetch(const std::string& command) {
    auto from = static_cast<std::uint32_t>(std::stoul(command.substr(10)));
    bool bodies = command.find("BODY") != std::string::npos, flags = command.find("FLAGS") != std::string::npos;
    std::string end = command.substr(command.find_first_of(": ", 10) + 1);
    bool open = end.starts_with('*');
    auto to = open ? messages_ : std::min(messages_, static_cast<std::uint32_t>(std::atol(end.c_str())));
    if (command.substr(10, command.find(' ', 10) - 10).find(':') == std::string::npos) to = from;
    for (std::uint32_t uid = open ? std::min(from, messages_) : from; uid <= to && uid > 0; ++uid) {
      out_ += "* " + std::to_string(uid) + " FETCH (UID " + std::to_string(uid);
      if (flags) out_ += " FLAGS () INTERNALDATE \"17-Jul-2023 02:44:25 -0700\"";
      out_ += bodies ? " BODY[] {4}\r\nabcd)\r\n" : ")\r\n";
    }
  }

  static constexpr int kFolders = 40;
  Wire& wire_;
  std::uint32_t messages_;
  std::string extensions_, in_, out_, wire_out_;
  std::optional<Compression> compression_;
  bool wrote_ = false;
};

struct Mailbox {
  explicit Mailbox(std::uint32_t known = 0, std::uint32_t held = 5) : messages(held), sink(ledger) {
    settings.name = "a";
    settings.endpoint.host = "localhost";
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.credentials.user = "alice";
    settings.credentials.password = [] { return mail::Secret("secret"); };
    if (known > 0) see("INBOX", known);
  }
  void see(const std::string& folder, std::uint32_t through) {
    ledger.folders[folder].uid_validity = 7;
    ledger.folders[folder].done_through = through;
  }
  // A poll by a new process, with what the last one remembered.
  Wire poll() {
    Wire wire;
    auto retriever = make_retriever(
        settings, [&](const auto&, const auto&) { return std::make_unique<ServerStream>(wire, messages, extensions); },
        remembered);
    retrieval::PollObserver observer;
    result = retriever->poll(ledger, sink, observer, {}, {}, {});
    retriever->disconnect();
    remembered = retriever->remembered();
    ++wire.turns;  // to connect
    return wire;
  }

  std::uint32_t messages;
  std::string extensions, remembered;
  testing::MemoryLedger ledger;
  testing::RecordingSink sink;
  retrieval::AccountSettings settings;
  retrieval::PollResult result;
};

TEST(ImapRoundTrips, NothingNewCostsFourAndThenThree) {
  Mailbox mailbox(5);
  EXPECT_EQ(mailbox.poll().turns, 4);  // connection, greeting, sign-in, folder
  EXPECT_EQ(mailbox.poll().turns, 4);  // the same: the server is being tried
  Wire known = mailbox.poll();
  EXPECT_EQ(known.turns, 3);
  EXPECT_TRUE(known.commands.ends_with("LOGOUT\n"));
  EXPECT_EQ(mailbox.result.fetched, 0U);
}

TEST(ImapRoundTrips, NothingNewDoesNotGrowWithTheFolder) {
  Mailbox mailbox(100'000, 100'000);
  EXPECT_EQ(mailbox.poll().turns, 4);
}

TEST(ImapRoundTrips, NewMailCostsNoneMoreInAKnownFolder) {
  Mailbox mailbox(2);
  EXPECT_EQ(mailbox.poll().turns, 4);
  EXPECT_EQ(mailbox.result.fetched, 3U);
  Mailbox first;
  EXPECT_LE(first.poll().turns, 6);
  EXPECT_EQ(first.result.fetched, 5U);
}

TEST(ImapRoundTrips, CompressionCostsNone) {
  Mailbox mailbox(2);
  mailbox.extensions = " COMPRESS=DEFLATE";
  mailbox.settings.compress = retrieval::Compression::kAlways;
  Wire wire = mailbox.poll();
  EXPECT_LE(wire.turns, 5);
  EXPECT_EQ(mailbox.result.fetched, 3U);
  EXPECT_EQ(mailbox.sink.messages.back().content, "abcd");
  EXPECT_NE(wire.commands.find("COMPRESS DEFLATE"), std::string::npos);
  EXPECT_TRUE(wire.commands.ends_with("LOGOUT\n"));
  (void)mailbox.poll();
  EXPECT_EQ(mailbox.poll().turns, 3);
}

TEST(ImapRoundTrips, CompressesNothingOnItsOwnMachine) {
  Mailbox mailbox(2);
  mailbox.extensions = " COMPRESS=DEFLATE";
  EXPECT_EQ(mailbox.poll().commands.find("COMPRESS"), std::string::npos);
}

TEST(ImapRoundTrips, OneForAllFoldersOfAnAccount) {
  for (std::string extensions : {" LIST-EXTENDED LIST-STATUS", ""}) {
    Mailbox mailbox;
    mailbox.extensions = extensions;
    mailbox.settings.folders = {"f*"};
    for (int i = 0; i < 40; ++i) mailbox.see("f" + std::to_string(i), 5);
    Wire wire = mailbox.poll();
    EXPECT_EQ(wire.turns, extensions.empty() ? 5 : 4);
    EXPECT_EQ(wire.commands.find("EXAMINE"), std::string::npos);
    (void)mailbox.poll();
    EXPECT_EQ(mailbox.poll().turns, extensions.empty() ? 4 : 3);
  }
}

TEST(ImapRoundTrips, NamesWithoutListStatusAreOneBatch) {
  Mailbox mailbox;
  mailbox.settings.folders.clear();
  for (int i = 0; i < 40; ++i) {
    mailbox.settings.folders.push_back("f" + std::to_string(i));
    mailbox.see(mailbox.settings.folders.back(), 5);
  }
  EXPECT_EQ(mailbox.poll().turns, 4);
}

}  // namespace
}  // namespace mailstead::imap
