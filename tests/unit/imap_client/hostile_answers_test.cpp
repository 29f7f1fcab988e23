// A server that answers as it should, save for one thing: numbers at their ends, floods, words out of place, silence.
// Whatever it is, the poll ends with a result or a typed Failure, and nothing is taken for retrieved that is not.
#include <sys/resource.h>

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "connectors/imap/client/retriever.h"
#include "mail/failure.h"
#include "tests/support/retrieval_fakes.h"
#include "tests/support/small_imap_server.h"

namespace mailstead::imap {
namespace {

using testing::MemoryLedger;
using testing::RecordingSink;
using testing::SmallImapServer;
using testing::SmallImapStream;

const std::string kBody = "Subject: x\r\n\r\nbody\r\n";

struct World {
  World() : sink(ledger, std::chrono::seconds(0)) {
    server.messages = {{1, kBody}, {2, kBody}, {3, kBody}};
    settings.name = "a";
    settings.endpoint.host = "127.0.0.1";
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.credentials.user = "alice";
    settings.credentials.password = [this] { return mail::Secret(password); };
    settings.after_fetch = retrieval::AfterFetch::kDelete;
  }

  void poll() {
    failure.reset();
    auto retriever = make_retriever(settings, [this](const auto&, const auto&) {
      ++connections;
      return std::make_unique<SmallImapStream>(server);
    });
    try {
      retrieval::PollObserver observer;
      result = retriever->poll(ledger, sink, observer, {}, {}, {});
    } catch (const mail::Failure& thrown) {
      failure = thrown;
    }
    retriever->disconnect();
    EXPECT_EQ(sink.misuse, "");
    EXPECT_FALSE(sink.open());
    EXPECT_LE(connections, 10);
  }
  // One that is honest now brings all three, once each, whole.
  void expect_recovery() {
    server.instead = nullptr;
    server.before = nullptr;
    for (int i = 0; i < 3; ++i) poll();
    ASSERT_FALSE(failure) << failure->text();
    std::map<storage::Uid, int> times;
    for (const auto& message : sink.messages) {
      ++times[message.facts.source.uid];
      EXPECT_EQ(message.content, kBody);
    }
    EXPECT_EQ(times, (std::map<storage::Uid, int>{{1, 1}, {2, 1}, {3, 1}}));
    EXPECT_TRUE(server.messages.empty());
  }

  SmallImapServer server;
  MemoryLedger ledger;
  RecordingSink sink;
  retrieval::AccountSettings settings;
  std::string password = "secret";
  retrieval::PollResult result;
  std::optional<mail::Failure> failure;
  int connections = 0;
};

// Words in front of each answer to one command.
struct Row {
  const char* name;
  const char* verb;
  std::string words;
};

class ImapHostileAnswer : public ::testing::TestWithParam<Row> {};

TEST_P(ImapHostileAnswer, LosesAndDoublesNothing) {
  World world;
  world.server.before = [](std::string_view verb) { return verb == GetParam().verb ? GetParam().words : ""; };
  world.poll();
  for (const auto& message : world.sink.messages) EXPECT_EQ(message.content, kBody);
  for (const auto& [uid, octets] : world.server.messages) {
    (void)octets;
    EXPECT_EQ(std::count(world.ledger.cleaned.begin(), world.ledger.cleaned.end(), uid), 0) << uid;
  }
  world.expect_recovery();
}

std::vector<Row> rows() {
  std::vector<Row> made{
      {"unseen_code", "SELECT", "* OK [UNSEEN 99999999999999999999] x\r\n"},
      {"appenduid_in_select", "SELECT", "* OK [APPENDUID 7 (1 2)] x\r\n* OK [COPYUID x] y\r\n"},
      {"appenduid_in_fetch", "UID FETCH", "* OK [APPENDUID 4294967296 -1] x\r\n"},
      {"copyuid_in_store", "UID STORE", "* NO [COPYUID 7 1:3 4:6] x\r\n"},
      {"code_never_closed", "SELECT", "* OK [UIDNEXT\r\n"},
      {"alert_with_escapes", "SELECT", "* OK [ALERT] \x1b[2J\x07 \xff\xfe\r\n"},
      {"referral", "SELECT", "* OK [REFERRAL imap://evil.example/] go there\r\n"},
      {"capability_again", "UID FETCH", "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n"},
      {"search_unasked", "UID FETCH", "* SEARCH 1 2 3 4294967295\r\n"},
      {"esearch_unasked", "UID FETCH", "* ESEARCH (TAG \"x\") UID ALL 1:*\r\n"},
      {"list_unasked", "UID FETCH", "* LIST (\\Noselect) \"/\" \"../../etc/passwd\"\r\n"},
      {"status_unasked", "UID FETCH", "* STATUS INBOX (MESSAGES -1 UIDNEXT 0)\r\n"},
      {"status_of_another", "SELECT", "* STATUS \"../x\" (UIDNEXT 4294967296)\r\n"},
      {"vanished_unasked", "UID FETCH", "* VANISHED 1:4294967295\r\n"},
      {"vanished_earlier", "UID FETCH", "* VANISHED (EARLIER) 1:*\r\n"},
      {"flags_of_all", "UID STORE", "* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n* 99 FETCH (FLAGS (\\Deleted))\r\n"},
      {"expunge_of_all", "UID STORE", "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n"},
      {"preauth_in_the_middle", "UID FETCH", "* PREAUTH x\r\n"},
      {"continuation_in_select", "SELECT", "+ go ahead\r\n"},
      {"continuation_in_fetch", "UID FETCH", "+ \r\n"},
      {"continuation_in_bodies", "UID FETCH BODY", "+ idling\r\n"},
      {"unknown_tag", "UID FETCH", "ZZ99 OK done\r\n"},
      {"old_tag", "UID FETCH BODY", "M1 OK done\r\n"},
      {"empty_line", "UID FETCH", "\r\n"},
      {"bare_cr", "UID FETCH", "* OK a\rb\r\n"},
      {"nul", "UID FETCH", std::string("* OK a\0b\r\n", 10)},
      {"eight_bit", "UID FETCH", "* \xe4\xf6\xfc \xff\r\n"},
      {"literal_unasked", "UID FETCH", "* OK {5}\r\nabcde\r\n"},
      {"literal8", "UID FETCH", "* 1 FETCH (UID 1 BINARY[] ~{3}\r\nabc)\r\n"},
      {"body_unasked", "UID STORE", "* 1 FETCH (UID 1 BODY[] {3}\r\nxyz)\r\n"},
      {"body_of_no_uid", "UID FETCH", "* 1 FETCH (BODY[] {3}\r\nabc)\r\n"},
      {"partial_body", "UID FETCH BODY", "* 1 FETCH (UID 1 BODY[]<0> {3}\r\nabc)\r\n"},
      {"body_section", "UID FETCH BODY", "* 1 FETCH (UID 1 BODY[1.TEXT] {3}\r\nabc)\r\n"},
      {"bye", "UID FETCH BODY", "* BYE enough\r\n"},
      {"bye_in_clean_up", "UID STORE", "* BYE enough\r\n"},
  };
  for (const char* number : {"-1", "0", "2147483648", "4294967295", "4294967296", "18446744073709551616", "x", ""}) {
    const std::string n = number;
    std::string name = n.empty() ? "none" : n == "-1" ? "negative" : n == "x" ? "letter" : n;
    static std::vector<std::string> names;  // live as long as the rows
    names.reserve(200);
    auto add = [&](const std::string& what, const char* verb, const std::string& words) {
      names.push_back(what + "_" + name);
      made.push_back({names.back().c_str(), verb, words});
    };
    add("fetch_number", "UID FETCH", "* " + n + " FETCH (UID 1 FLAGS ())\r\n");
    add("expunge_number", "UID FETCH", "* " + n + " EXPUNGE\r\n");
    add("exists_late", "UID FETCH", "* " + n + " EXISTS\r\n");
    add("recent", "SELECT", "* " + n + " RECENT\r\n");
    add("size", "UID FETCH", "* 1 FETCH (UID 1 RFC822.SIZE " + n + " FLAGS ())\r\n");
    add("modseq", "UID FETCH", "* 1 FETCH (UID 1 MODSEQ (" + n + ") FLAGS ())\r\n");
    add("highestmodseq", "SELECT", "* OK [HIGHESTMODSEQ " + n + "] x\r\n");
    add("list_literal", "SELECT", "* LIST () \"/\" {" + n + "}\r\n");
    add("uidvalidity_late", "UID FETCH", "* OK [UIDVALIDITY " + n + "] x\r\n");
    add("uidnext_late", "UID FETCH", "* OK [UIDNEXT " + n + "] x\r\n");
  }
  return made;
}

INSTANTIATE_TEST_SUITE_P(Rows, ImapHostileAnswer, ::testing::ValuesIn(rows()),
                         [](const auto& row) { return std::string(row.param.name); });

class ImapFlood : public ::testing::TestWithParam<const char*> {};

TEST_P(ImapFlood, EndsAtALimitInEveryCommand) {
  for (const char* line : {"* 1 RECENT\r\n", "* OK still here\r\n", "* 1 FETCH (FLAGS ())\r\n", "* XNOISE x\r\n"}) {
    World world;
    std::string flood;
    for (int i = 0; i < 300'000; ++i) flood += line;
    world.server.instead = [&](std::string_view verb, const std::string&) -> std::optional<std::string> {
      if (verb == GetParam()) return flood;
      return std::nullopt;
    };
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    world.poll();
    ::getrusage(RUSAGE_SELF, &after);
    EXPECT_TRUE(world.failure) << line;
    EXPECT_TRUE(world.server.messages.size() == 3) << line;
    // Two copies of the flood are the test's own.
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024 + 4 * static_cast<long>(flood.size() / 1024)) << line;
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, ImapFlood,
                         ::testing::Values("AUTHENTICATE", "SELECT", "UID FETCH", "UID FETCH BODY"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

class ImapSilence : public ::testing::TestWithParam<const char*> {};

TEST_P(ImapSilence, EndsTheSessionAndIsMadeUpForLater) {
  World world;
  world.server.instead = [&](std::string_view verb, const std::string&) -> std::optional<std::string> {
    if (verb == GetParam()) return "";
    return std::nullopt;
  };
  world.poll();
  EXPECT_TRUE(world.failure || !world.result.warnings.empty());
  world.expect_recovery();
}

INSTANTIATE_TEST_SUITE_P(Commands, ImapSilence,
                         ::testing::Values("AUTHENTICATE", "SELECT", "UID FETCH", "UID FETCH BODY", "UID STORE",
                                           "UID EXPUNGE"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

TEST(ImapHostileAnswers, ALongSecretIsSentOrRefusedButNeverCut) {
  for (std::size_t length : {1U, 1000U, 6000U, 65'536U, 1U << 20U}) {
    World world;
    world.password = std::string(length, 'p');
    world.poll();
    if (world.failure) {
      EXPECT_NE(world.failure->kind(), mail::FailureKind::kProtocol) << length;
      EXPECT_EQ(world.failure->text().find("pppp"), std::string::npos);
      EXPECT_GT(length, 6000U) << world.failure->text();
    } else {
      EXPECT_GT(world.server.written.size(), length * 4 / 3);
    }
  }
}

TEST(ImapHostileAnswers, AnOversizedChallengeIsAbandoned) {
  for (std::size_t size : {std::size_t{12'288}, std::size_t{60'000}, std::size_t{1} << 20U}) {
    World world;
    world.server.instead = [&](std::string_view verb, const std::string&) -> std::optional<std::string> {
      if (verb == "AUTHENTICATE") return "+ " + std::string(size * 4 / 3, 'A') + "\r\n";
      return std::nullopt;
    };
    world.poll();
    EXPECT_TRUE(world.failure) << size;
    EXPECT_TRUE(world.sink.messages.empty());
  }
}

// Says one body of a gigabyte without having it.
class GigabyteStream final : public net::Stream {
 public:
  explicit GigabyteStream(SmallImapServer& server) : inner_(server) {}
  std::size_t read_some(std::span<char> into, const net::Deadline& deadline) override {
    if (left_ > 0) {
      const std::size_t count = std::min<std::uint64_t>(into.size(), left_);
      std::fill_n(into.begin(), count, 'x');
      left_ -= count;
      return count;
    }
    // One at a time, to see where the octets of the body begin.
    const std::size_t count = inner_.read_some(into.subspan(0, 1), deadline);
    line_.append(into.data(), count);
    if (line_.ends_with("{1073741824}\r\n")) left_ = 1'073'741'824;
    if (line_.ends_with("\n")) line_.clear();
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline& deadline) override { inner_.write_all(bytes, deadline); }
  net::TryResult try_read(std::span<char> into) override { return inner_.try_read(into); }
  net::TryResult try_write(std::string_view bytes) override { return inner_.try_write(bytes); }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override {}
  net::TryResult try_accept_tls(const net::ServerTls& tls) override { return inner_.try_accept_tls(tls); }
  std::optional<net::TlsFacts> tls() const override { return std::nullopt; }
  bool has_pending() const override { return false; }
  int descriptor() const override { return -1; }
  std::string peer() const override { return inner_.peer(); }
  void close() noexcept override {}

 private:
  SmallImapStream inner_;
  std::uint64_t left_ = 0;
  std::string line_;
};

// Counts and forgets.
class CountingSink final : public retrieval::MessageSink {
 public:
  void begin(const retrieval::Incoming&) override {}
  void append(std::string_view bytes) override { octets += bytes.size(); }
  void end() override { ++ended; }
  void abort() noexcept override {}
  void skipped(const retrieval::Incoming&, const std::string&) override {}
  void flush() override {}
  std::vector<storage::SourceRef> take_durable() override { return {}; }
  std::uint64_t octets = 0;
  int ended = 0;
};

TEST(ImapHostileAnswers, AGigabyteInOneLiteralPassesThroughLittleMemory) {
  World world;
  world.settings.after_fetch = retrieval::AfterFetch::kKeep;
  world.server.messages = {{1, kBody}};
  world.server.instead = [](std::string_view verb, const std::string& tag) -> std::optional<std::string> {
    if (verb != "UID FETCH BODY") return std::nullopt;
    return "* 1 FETCH (UID 1 BODY[] {1073741824}\r\n)\r\n" + tag + " OK done\r\n";
  };
  auto retriever = make_retriever(
      world.settings, [&](const auto&, const auto&) { return std::make_unique<GigabyteStream>(world.server); });
  CountingSink sink;
  retrieval::PollObserver observer;
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  (void)retriever->poll(world.ledger, sink, observer, {}, {}, {});
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(sink.octets, 1'073'741'824U);
  EXPECT_EQ(sink.ended, 1);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024);
}

}  // namespace
}  // namespace mailstead::imap
