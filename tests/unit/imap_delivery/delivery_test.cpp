#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/imap/delivery/copy_search.h"
#include "connectors/imap/delivery/flag_choice.h"
#include "connectors/imap/delivery/octets.h"
#include "connectors/imap/delivery/target_folder.h"
#include "connectors/imap/delivery/verdict.h"
#include "tests/support/destination_contract.h"
#include "tests/unit/imap_delivery/served_mailbox.h"

namespace mailstead::imap {
namespace {

using delivery::Outgoing;
using delivery::Reply;
using delivery::Result;
using testing::outgoing;
using testing::ServedMailbox;

const std::string kText = "Message-ID: <1@example.org>\r\nSubject: x\r\n\r\nbody\r\n";

class ImapDelivery : public ::testing::Test {
 protected:
  delivery::Transport& transport() {
    if (!destination_) destination_ = make_imap_destination(settings_, served_.dialer());
    if (!transport_) transport_ = destination_->open();
    return *transport_;
  }
  Result deliver(const Outgoing& message) { return transport().deliver(message, {}); }
  static bool accepted(const Result& result) {
    return !result.failure && result.answers.at(0).reply.kind == Reply::Kind::kAccepted;
  }
  // Breaks the connection behind so many octets of the client's; answers how the attempt ended.
  Result deliver_cut(const Outgoing& message, std::size_t passes) {
    transport_.reset();
    served_.passes = passes;
    return deliver(message);
  }

  ServedMailbox served_;
  ImapDestinationSettings settings_ = served_.settings();
  std::unique_ptr<delivery::Destination> destination_;
  std::unique_ptr<delivery::Transport> transport_;
};

TEST_F(ImapDelivery, KeepsOctetsFlagsKeywordsAndDate) {
  auto message = outgoing("Subject: \xFF\r\n\r\nbare\nline\rends, 8-bit \xC3\xA9, no end", {});
  for (const char* flag : {"\\Seen", "\\Flagged", "$Forwarded", "Work"}) message.flags.add(flag);
  ASSERT_TRUE(accepted(deliver(message)));
  const auto kept = served_.kept();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].text, "Subject: \xFF\r\n\r\nbare\nline\rends, 8-bit \xC3\xA9, no end");
  EXPECT_EQ(kept[0].flags, message.flags);
  EXPECT_EQ(kept[0].date, message.internal_date);
}

TEST_F(ImapDelivery, MakesAndSubscribesToTheFolderOfARule) {
  auto message = outgoing(kText, {});
  message.folder = "Lists//caf\xC3\xA9/";
  ASSERT_TRUE(accepted(deliver(message)));
  EXPECT_EQ(served_.kept("Lists/caf\xC3\xA9").size(), 1U);
  EXPECT_EQ(served_.store.mail().subscriptions("alice"), std::vector<std::string>{"Lists/caf\xC3\xA9"});
  EXPECT_TRUE(served_.kept().empty());
}

TEST_F(ImapDelivery, RefusesNamesThatNoFolderCanHave) {
  for (const std::string& name :
       {std::string("a\rb"), std::string("a\xFF"), std::string(1001, 'a'), std::string("//")}) {
    auto message = outgoing(kText, {});
    message.folder = name;
    const auto result = deliver(message);
    EXPECT_FALSE(result.failure);
    EXPECT_EQ(result.answers.at(0).reply.kind, Reply::Kind::kPermanent) << name.substr(0, 5);
  }
}

TEST_F(ImapDelivery, RefusesAnEmptyMessage) {
  const auto result = deliver(outgoing("", {}));
  EXPECT_EQ(result.answers.at(0).reply.kind, Reply::Kind::kPermanent);
  EXPECT_TRUE(served_.kept().empty());
}

TEST_F(ImapDelivery, AnswersForEachRecipientThatIsNamed) {
  auto message = outgoing(kText, {"a@example.org", "b@example.org"});
  const auto result = deliver(message);
  ASSERT_EQ(result.answers.size(), 2U);
  EXPECT_EQ(result.answers[1].recipient, "b@example.org");
  EXPECT_EQ(served_.kept().size(), 1U);
}

TEST_F(ImapDelivery, SendsAShortMessageInOneWrite) {
  ASSERT_TRUE(accepted(deliver(outgoing(kText, {}, 1))));
  const auto before = served_.writes;
  ASSERT_TRUE(accepted(deliver(outgoing(kText, {}, 2))));
  EXPECT_EQ(served_.writes - before, 2U);  // NOOP (a stream in memory cannot be looked at), APPEND
  EXPECT_EQ(served_.connections, 1U);
}

TEST_F(ImapDelivery, LeavesAConnectionAfterItsShareOfMessages) {
  settings_.messages_per_connection = 2;
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(accepted(deliver(outgoing(kText, {}, i))));
    EXPECT_EQ(transport().worth_keeping(), i % 2 != 0);
  }
  EXPECT_EQ(served_.connections, 3U);
}

// Wherever the connection breaks: one copy in the end, and no message is in doubt that cannot be there.
TEST_F(ImapDelivery, BrokenAnywhereItArrivesOnce) {
  settings_.credentials.mechanism = "plain";  // the others compute for long
  ASSERT_TRUE(accepted(deliver(outgoing(kText, {}))));
  const std::size_t all = served_.heard.size();
  for (const std::string& text : {kText, std::string("Subject: no id\r\n\r\nbody\r\n")}) {
    for (std::size_t passes = 0; passes <= all + text.size(); ++passes) {
      auto message = outgoing(text, {});
      if (text != kText) message.message_id.clear();
      message.folder = "Cut at " + std::to_string(passes) + (text == kText ? "" : " too");
      auto result = deliver_cut(message, passes);
      const bool there = !served_.kept(message.folder).empty();
      ASSERT_FALSE(there && !accepted(result) && !result.answer_lost()) << passes;
      for (int i = 0; i < 3 && !accepted(result); ++i) {
        message.answer_lost = message.answer_lost || result.answer_lost();
        result = deliver(message);
      }
      ASSERT_TRUE(accepted(result)) << passes;
      ASSERT_EQ(served_.kept(message.folder).size(), 1U) << passes;
    }
  }
}

TEST_F(ImapDelivery, SendsInPiecesThatAreWaitedForOneByOne) {
  ASSERT_TRUE(accepted(deliver(outgoing("Subject: x\r\n\r\n" + std::string(5'000'000, 'x') + "\r\n", {}))));
  EXPECT_LE(served_.largest_write, 64U * 1024);
  EXPECT_LE(served_.longest_wait, settings_.endpoint.timeouts.answer);  // of the last piece, behind which is the answer
  EXPECT_EQ(served_.kept().at(0).text.size(), 5'000'016U);
}

// A server may say at once that it does not want what is coming, and hang up (RFC 7888 §4).
TEST_F(ImapDelivery, HearsWhyTheServerHungUpWithinTheLiteral) {
  struct Row {
    const char *words, *text;
    Reply::Kind kind;
    bool failure;
  };
  for (const Row& row : {Row{"% NO [TOOBIG] not that\r\n", "NO [TOOBIG] not that", Reply::Kind::kPermanent, false},
                         Row{"* BYE not that\r\n", "not that", Reply::Kind::kTemporary, true},
                         Row{"% OK done\r\n", "connection reset", Reply::Kind::kTemporary, true},
                         Row{"", "connection reset", Reply::Kind::kTemporary, true}}) {
    served_.last_words = row.words;
    transport_.reset();
    served_.passes = 20'000;
    int commits = 0;
    const auto result = transport().deliver(outgoing("Subject: x\r\n\r\n" + std::string(100'000, 'x') + "\r\n", {}),
                                            {{}, [&] { ++commits; }});
    EXPECT_EQ(result.answers.at(0).reply.kind, row.kind) << row.words;
    EXPECT_NE(result.answers[0].reply.text.find(row.text), std::string::npos) << result.answers[0].reply.text;
    EXPECT_EQ(result.failure.has_value(), row.failure) << row.words;
    EXPECT_FALSE(result.answer_lost());
    EXPECT_EQ(commits, 0);
    EXPECT_TRUE(served_.kept().empty());
  }
}

TEST_F(ImapDelivery, ALostAnswerIsNoSecondCopy) {
  auto big = "Message-ID: <2@example.org>\r\n\r\n" + std::string(200'000, 'x') + "\r\n";
  for (const auto& [text, id] : {std::pair(kText, "<1@example.org>"), std::pair(big, "<2@example.org>"),
                                 std::pair(std::string("Subject: none\n\nbare\n"), "")}) {
    auto message = outgoing(text, {});
    message.message_id = id;
    served_.loses_answers = true;
    auto result = deliver(message);
    EXPECT_TRUE(result.answer_lost());
    served_.loses_answers = false;
    const auto count = served_.kept().size();
    message.answer_lost = true;
    result = deliver(message);
    EXPECT_TRUE(accepted(result));
    EXPECT_NE(result.answers[0].reply.text.find("already"), std::string::npos) << result.answers[0].reply.text;
    EXPECT_EQ(served_.kept().size(), count);
  }
}

TEST_F(ImapDelivery, AnotherMessageWithTheSameIdIsNotTakenForIt) {
  ASSERT_TRUE(accepted(deliver(outgoing("Received: by list\r\n" + kText + "-- \r\nfooter\r\n", {}))));
  auto message = outgoing("Received: direct\r\n" + kText, {});
  message.answer_lost = true;
  ASSERT_TRUE(accepted(deliver(message)));
  EXPECT_EQ(served_.kept().size(), 2U);
}

TEST_F(ImapDelivery, TellsNoPasswordWhenTheSignInIsRefused) {
  settings_.credentials.password = [] { return mail::Secret("hunter2 wrong"); };
  const auto result = deliver(outgoing(kText, {}));
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind(), mail::FailureKind::kAuthentication);
  EXPECT_EQ(result.failure->text().find("hunter2"), std::string::npos);
  EXPECT_EQ(result.failure->detail().find("hunter2"), std::string::npos);
}

TEST_F(ImapDelivery, ProbesTheFolder) {
  settings_.folder = "Archive/2023";
  settings_.labels = {"Imported"};
  const auto facts = make_imap_destination(settings_, served_.dialer())->probe({});
  std::string all;
  for (const auto& [name, value] : facts.lines) all += name + "=" + value + "\n";
  EXPECT_NE(all.find("folder=Archive/2023, not there yet"), std::string::npos) << all;
  EXPECT_NE(all.find("size limit=16"), std::string::npos) << all;
  EXPECT_NE(all.find("labels=none here"), std::string::npos) << all;
  EXPECT_NE(all.find("signed in by=SCRAM-SHA-256"), std::string::npos) << all;
  EXPECT_TRUE(served_.kept("Archive/2023").empty());
}

TEST(ImapTargetFolder, MapsNamesToTheServers) {
  const PersonalNamespace plain{"", '/'}, courier{"INBOX.", '.'}, dots{"", '.'}, flat{"", '\0'};
  const std::tuple<const char*, PersonalNamespace, const char*> rows[] = {{"Lists/boost", plain, "Lists/boost"},
                                                                          {"Lists/boost", courier, "INBOX.Lists.boost"},
                                                                          {"Lists/boost.org", dots, "Lists.boost_org"},
                                                                          {"Lists.boost", dots, "Lists.boost"},
                                                                          {"INBOX.Lists", courier, "INBOX.Lists"},
                                                                          {"inbox/Lists", courier, "INBOX.Lists"},
                                                                          {"inbox-old", courier, "INBOX.inbox-old"},
                                                                          {"a/b", flat, "a/b"},
                                                                          {"inbox", courier, "INBOX"}};
  for (const auto& [name, own, expected] : rows) EXPECT_EQ(name_on_server(name, own), expected) << name;
}

TEST(ImapStoredMark, IsTheSameHoweverLinesEndAndPiecesFall) {
  const auto mark = [](std::string_view text, std::size_t piece) {
    StoredMark made;
    for (std::size_t at = 0; at < text.size(); at += piece) made.add(text.substr(at, piece));
    return made.finish();
  };
  const std::string crlf = "a\r\n\r\nb\rc\r\n\r\n";
  const auto expected = mark(crlf, crlf.size());
  for (std::size_t piece = 1; piece <= crlf.size(); ++piece) EXPECT_EQ(mark(crlf, piece), expected) << piece;
  EXPECT_EQ(mark("a\n\nb\rc", 1), expected);
  for (const char* other : {"a\n\nbc", "a\nb\rc", "a\n\nb\nc", "a\n\nb\rc\r", "\na\n\nb\rc"})
    EXPECT_NE(mark(other, 1), expected) << other;
  EXPECT_EQ(mark(std::string("a\0b", 3), 1), mark("a\x80"
                                                  "b",
                                                  1));
}

TEST(ImapStoredMark, AMessageIsLookedAtAlikeInAnyPieces) {
  const std::string text = "Subject: \xC3\xA9\r\n\nbody\r\n\r\n\nend\0", whole = text + std::string(1, '\0');
  const auto found = look_at(mail::MemoryContent(whole), true);
  EXPECT_EQ(found.size, whole.size());
  EXPECT_EQ(found.crlf, 3U);
  EXPECT_EQ(found.bare_lf, 2U);
  EXPECT_TRUE(found.has_nul);
  EXPECT_TRUE(found.eight_bit_header);
  EXPECT_EQ(found.header, "Subject: \xC3\xA9\r\n\n");
}

TEST(ImapCopySearch, ComparesHeadersFieldByField) {
  const std::string ours = "Received: a\r\n b\r\nReceived: c\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\n";
  EXPECT_TRUE(header_is_within(ours, "X-New: 1\r\nReceived: a b\r\nreceived: c\r\nSubject:  x\r\n\r\n"));
  EXPECT_FALSE(header_is_within(ours, "Received: a b\r\nSubject: x\r\n\r\n"));
  EXPECT_FALSE(header_is_within(ours, "Received: a b\r\nReceived: c\r\nSubject: y\r\n\r\n"));
  EXPECT_FALSE(header_is_within("Received: c\r\nReceived: c\r\n\r\n", "Received: c\r\n\r\n"));
  EXPECT_FALSE(header_is_within("Subject: x\r\n\r\n", "Subject: x\r\n\r\n"));
}

TEST(ImapFlagChoice, SendsNoMoreKeywordsThanALineBears) {
  mail::Flags flags;
  for (int i = 0; i < 150; ++i) flags.add("k" + std::to_string(i));
  flags.add("\\Seen");
  const auto choice = choose_flags(flags, std::nullopt);
  EXPECT_EQ(choice.lost.size(), 50U);
  EXPECT_NE(choice.sent.find("\\Seen"), std::string::npos);
}

}  // namespace
}  // namespace mailstead::imap
