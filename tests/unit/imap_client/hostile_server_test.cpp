// What a server that cuts, lies or rambles may do to a poll: nothing but a typed Failure. All in memory.
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "connectors/imap/client/retriever.h"
#include "mail/failure.h"
#include "tests/support/memory_stream.h"
#include "tests/support/retrieval_fakes.h"

namespace mailstead::imap {
namespace {

using testing::MemoryLedger;
using testing::MemoryStream;
using testing::RecordingSink;

const std::string kSignIn =
    "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n"
    "M1 OK [CAPABILITY IMAP4rev1 UIDPLUS] signed in\r\n";

std::string message(int uid) {
  return "Subject: " + std::to_string(uid) + "\r\n\r\n" + std::string(static_cast<std::size_t>(uid) * 40, 'x') + "\r\n";
}

// A whole session with three messages, as far as the server's side goes.
std::string three_messages() {
  std::string text = kSignIn +
                     "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\nM2 OK done\r\n"
                     "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS ())\r\n"
                     "M3 OK done\r\n";
  for (int uid = 1; uid <= 3; ++uid) {
    text += "* " + std::to_string(uid) + " FETCH (UID " + std::to_string(uid) + " BODY[] {" +
            std::to_string(message(uid).size()) + "}\r\n" + message(uid) + ")\r\n";
  }
  return text + "M4 OK done\r\n";
}

struct Poll {
  explicit Poll(MemoryLedger& ledger) : sink(ledger), ledger_(ledger) {}

  void run(std::string input, std::size_t chunk = 65536) {
    retrieval::AccountSettings settings;
    settings.name = "a";
    settings.endpoint.host = "127.0.0.1";
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.credentials.user = "alice";
    settings.credentials.password = [] { return mail::Secret("secret"); };
    auto retriever = make_retriever(settings, [&](const auto&, const auto&) {
      return std::make_unique<MemoryStream>(std::move(input), chunk, std::string::npos, written);
    });
    try {
      retrieval::PollObserver observer;
      result = retriever->poll(ledger_, sink, observer, {}, {}, {});
    } catch (const mail::Failure& thrown) {
      failure = thrown;
    }
    EXPECT_EQ(sink.misuse, "");
    EXPECT_FALSE(sink.open());
  }

  RecordingSink sink;
  std::shared_ptr<std::string> written = std::make_shared<std::string>();
  std::optional<mail::Failure> failure;
  retrieval::PollResult result;

 private:
  MemoryLedger& ledger_;
};

TEST(ImapHostileServer, CutAtEveryOctetNeverGivesATruncatedMessage) {
  const std::string whole = three_messages();
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    MemoryLedger ledger;
    Poll poll(ledger);
    poll.run(whole.substr(0, cut));
    if (cut < whole.size()) {
      ASSERT_TRUE(poll.failure) << cut;
      EXPECT_EQ(poll.failure->kind(), mail::FailureKind::kTemporary) << cut << poll.failure->text();
      EXPECT_TRUE(poll.sink.messages.empty()) << cut;
    }
    // The next poll resumes: each message once, whole. (Not in the other order that one in trouble is asked for in.)
    ledger.kept_troubles.clear();
    Poll again(ledger);
    if (poll.failure) again.run(whole);
    ASSERT_FALSE(again.failure) << cut << again.failure->text();
    auto& messages = poll.failure ? again.sink.messages : poll.sink.messages;
    ASSERT_EQ(messages.size(), 3U) << cut;
    for (int uid = 1; uid <= 3; ++uid) {
      EXPECT_EQ(messages[static_cast<std::size_t>(uid - 1)].content, message(uid)) << cut;
    }
    EXPECT_EQ(ledger.folders["INBOX"].done_through, 3U) << cut;
  }
}

TEST(ImapHostileServer, ByeAtAnyPointIsTemporary) {
  const std::string whole = three_messages();
  std::size_t points = 0;
  for (std::size_t at = whole.find("\r\n"); at != std::string::npos; at = whole.find("\r\n", at + 1)) {
    // Within a message it would be a part of that.
    if (!whole.substr(at + 2).starts_with("M") && !whole.substr(at + 2).starts_with("* ")) continue;
    MemoryLedger ledger;
    Poll poll(ledger);
    poll.run(whole.substr(0, at + 2) + "* BYE [UNAVAILABLE] going down\r\n");
    ASSERT_TRUE(poll.failure) << at;
    EXPECT_EQ(poll.failure->kind(), mail::FailureKind::kTemporary) << at << poll.failure->text();
    EXPECT_NE(poll.failure->text().find("going down"), std::string::npos) << at << poll.failure->text();
    EXPECT_TRUE(poll.sink.messages.empty()) << at;
    ++points;
  }
  EXPECT_GE(points, 12U);
}

TEST(ImapHostileServer, OctetByOctetIsTheSame) {
  for (std::size_t chunk : {1U, 2U, 3U, 7U}) {
    MemoryLedger ledger;
    Poll poll(ledger);
    poll.run(three_messages(), chunk);
    ASSERT_FALSE(poll.failure) << poll.failure->text();
    EXPECT_EQ(poll.sink.messages.size(), 3U);
    EXPECT_EQ(poll.sink.messages[2].content, message(3));
  }
}

const std::string kSelected =
    kSignIn + "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 2] ok\r\nM2 OK done\r\n";
const std::string kListed = kSelected + "* 1 FETCH (UID 1 FLAGS ())\r\nM3 OK done\r\n";

struct HostileRow {
  const char* name;
  std::string input;
  mail::FailureKind kind;
};

class ImapHostileResponses : public ::testing::TestWithParam<HostileRow> {};

TEST_P(ImapHostileResponses, EndAsTypedFailuresAndChangeNothing) {
  MemoryLedger ledger;
  Poll poll(ledger);
  poll.run(GetParam().input);
  ASSERT_TRUE(poll.failure);
  EXPECT_EQ(poll.failure->kind(), GetParam().kind) << poll.failure->text();
  EXPECT_TRUE(poll.sink.messages.empty());
  EXPECT_EQ(ledger.advances, 0);
  EXPECT_EQ(poll.sink.aborted, 0);
}

std::string select_saying(const std::string& line) {
  return kSignIn + line + "\r\n* OK [UIDVALIDITY 7] ok\r\nM2 OK done\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ImapHostileResponses,
    ::testing::Values(
        HostileRow{"exists_2_32", select_saying("* 4294967296 EXISTS"), mail::FailureKind::kProtocol},
        HostileRow{"exists_negative", select_saying("* -1 EXISTS"), mail::FailureKind::kProtocol},
        HostileRow{"exists_largest", select_saying("* 4294967295 EXISTS"), mail::FailureKind::kTemporary},
        HostileRow{"uidnext_zero", select_saying("* OK [UIDNEXT 0] x"), mail::FailureKind::kProtocol},
        HostileRow{"uidnext_2_32", select_saying("* OK [UIDNEXT 4294967296] x"), mail::FailureKind::kProtocol},
        HostileRow{"uidvalidity_negative", select_saying("* OK [UIDVALIDITY -1] x"), mail::FailureKind::kProtocol},
        HostileRow{"uidvalidity_missing", kSignIn + "* 1 EXISTS\r\nM2 OK done\r\n", mail::FailureKind::kProtocol},
        HostileRow{"parentheses", select_saying("* " + std::string(1000, '(')), mail::FailureKind::kProtocol},
        HostileRow{"deep_list", kSelected + "* 1 FETCH (X " + std::string(5000, '(') + "\r\n",
                   mail::FailureKind::kLimit},
        HostileRow{"long_line", kSelected + std::string(100'000, 'a'), mail::FailureKind::kLimit},
        HostileRow{"unknown_tag", kSignIn + "M9 OK done\r\n", mail::FailureKind::kProtocol},
        HostileRow{"tag_twice", kSignIn + "M1 OK done\r\n", mail::FailureKind::kProtocol},
        HostileRow{"literal_2_32", kListed + "* 1 FETCH (UID 1 BODY[] {4294967296}\r\n", mail::FailureKind::kLimit},
        HostileRow{"literal_beyond", kListed + "* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\n",
                   mail::FailureKind::kProtocol},
        HostileRow{"literal_negative", kListed + "* 1 FETCH (UID 1 BODY[] {-1}\r\n", mail::FailureKind::kProtocol},
        HostileRow{"literal_elsewhere", kListed + "* 1 FETCH (UID 1 X {4294967296}\r\n", mail::FailureKind::kLimit},
        HostileRow{"huge_greeting", "* OK " + std::string(8 * 1024 * 1024, 'a'), mail::FailureKind::kLimit}),
    [](const auto& row) { return row.param.name; });

TEST(ImapHostileServer, FailsTheFolderForImpossibleUids) {
  for (std::string uid : {"0", "-1", "4294967296", "18446744073709551616"}) {
    MemoryLedger ledger;
    Poll poll(ledger);
    // The reconnect after it finds the input used up.
    poll.run(kSelected + "* 1 FETCH (UID " + uid + ")\r\nM3 OK done\r\n");
    ASSERT_TRUE(poll.failure) << uid;
    EXPECT_TRUE(poll.sink.messages.empty()) << uid;
    EXPECT_EQ(ledger.advances, 0) << uid;
  }
}

TEST(ImapHostileServer, CannotRambleForEver) {
  std::string noise;
  for (int i = 0; i < 11'000; ++i) noise += "* 1 RECENT\r\n";
  MemoryLedger ledger;
  Poll poll(ledger);
  poll.run(kSignIn + noise);
  ASSERT_TRUE(poll.failure);
  EXPECT_EQ(poll.failure->kind(), mail::FailureKind::kLimit);
}

TEST(ImapHostileServer, IgnoresBodiesNobodyAskedFor) {
  MemoryLedger ledger;
  Poll poll(ledger);
  poll.run(kListed +
           "* 2 FETCH (UID 9 BODY[] {3}\r\nabc)\r\n* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n"
           "* 1 FETCH (UID 1 BODY[] {3}\r\nxyz)\r\nM4 OK done\r\n");
  ASSERT_FALSE(poll.failure) << poll.failure->text();
  ASSERT_EQ(poll.sink.messages.size(), 1U);
  EXPECT_EQ(poll.sink.messages[0].content, "abc");
}

TEST(ImapHostileServer, RefusesABodyThatChangesItsUid) {
  MemoryLedger ledger;
  Poll poll(ledger);
  poll.run(kListed + "* 1 FETCH (UID 1 BODY[] {3}\r\nabc UID 2)\r\nM4 OK done\r\n");
  ASSERT_TRUE(poll.failure);
  EXPECT_EQ(poll.failure->kind(), mail::FailureKind::kProtocol);
  EXPECT_EQ(poll.sink.aborted, 1);
}

TEST(ImapHostileServer, SendsNothingAfterAGarbageGreeting) {
  MemoryLedger ledger;
  Poll poll(ledger);
  poll.run("garbage\r\n" + three_messages());
  EXPECT_TRUE(poll.failure);
  EXPECT_EQ(*poll.written, "");
}

}  // namespace
}  // namespace mailstead::imap
