#include "connectors/smtp/relay.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/destination_contract.h"
#include "tests/support/smtp_sink.h"

namespace mailstead::smtp {
namespace {

using delivery::Outgoing;
using delivery::Reply;
using delivery::Result;
using mail::FailureKind;
using testing::outgoing;
using testing::SmtpSink;
using testing::TakenMessage;

constexpr auto kAccepted = Reply::Kind::kAccepted;
constexpr auto kTemporary = Reply::Kind::kTemporary;
constexpr auto kPermanent = Reply::Kind::kPermanent;

class SmtpRelay : public ::testing::Test {
 protected:
  SmtpRelay() {
    settings_.endpoint.host = "sink.example.org";
    settings_.endpoint.tls = net::TlsMode::kNone;
    settings_.helo_name = "client.example.org";
  }
  ~SmtpRelay() override { EXPECT_EQ(sink_.violations, std::vector<std::string>{}); }

  delivery::Transport& transport() {
    if (!relay_) relay_ = make_relay(settings_, sink_.dialer());
    if (!transport_) transport_ = relay_->open();
    return *transport_;
  }
  Result deliver(const Outgoing& message) { return transport().deliver(message, {}); }
  Result deliver_to(std::vector<std::string> recipients) {
    return deliver(outgoing("Subject: x\r\n\r\nbody\r\n", std::move(recipients)));
  }
  static std::vector<Reply::Kind> kinds(const Result& result) {
    std::vector<Reply::Kind> found;
    for (const auto& answer : result.answers) found.push_back(answer.reply.kind);
    return found;
  }
  // Answers once to what begins with `asked`, then as usual.
  void answer_once(std::string asked, std::string reply) {
    sink_.answer = [asked = std::move(asked), reply = std::move(reply),
                    used = std::make_shared<bool>(false)](const std::string& line) -> std::optional<std::string> {
      if (*used || !line.starts_with(asked)) return std::nullopt;
      *used = true;
      return reply;
    };
  }
  void answer(std::map<std::string, std::string> replies) {
    sink_.answer = [replies = std::move(replies)](const std::string& line) -> std::optional<std::string> {
      auto found =
          std::find_if(replies.begin(), replies.end(), [&](auto& reply) { return line.starts_with(reply.first); });
      return found == replies.end() ? std::nullopt : std::optional(found->second);
    };
  }

  SmtpSink sink_;
  RelaySettings settings_;
  std::unique_ptr<delivery::Destination> relay_;
  std::unique_ptr<delivery::Transport> transport_;
};

TEST_F(SmtpRelay, SendsTheEnvelopeInOneWriteWherePipeliningIsOffered) {
  deliver_to({"a@example.org", "b@example.org"});
  EXPECT_EQ(sink_.writes, 3U);  // EHLO, the envelope, the body
  EXPECT_EQ(sink_.commands,
            (std::vector<std::string>{"EHLO client.example.org", "MAIL FROM:<sender@example.org> SIZE=20",
                                      "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "DATA"}));
}

TEST_F(SmtpRelay, AnswersForEachRecipient) {
  for (const char* hello : {"250-s\r\n250 PIPELINING\r\n", "250 s\r\n"}) {
    sink_.hello = hello;
    transport_.reset();
    answer({{"RCPT TO:<b@", "550 5.1.1 unknown\r\n"}, {"RCPT TO:<c@", "451 4.2.0 later\r\n"}});
    auto result = deliver_to({"a@example.org", "b@example.org", "c@example.org", "d@example.org"});
    EXPECT_EQ(kinds(result), (std::vector{kAccepted, kPermanent, kTemporary, kAccepted}));
    EXPECT_EQ(result.answers[1].reply.line(), "550 5.1.1 unknown");
    EXPECT_EQ(result.answers[2].reply.line(), "451 4.2.0 later");
    EXPECT_FALSE(result.failure);
    EXPECT_EQ(sink_.messages.back().recipients, (std::vector<std::string>{"a@example.org", "d@example.org"}));
  }
}

TEST_F(SmtpRelay, SendsAnEmptyMessageToNobodyWhenTheServerInsists) {
  answer({{"RCPT", "550 5.1.1 unknown\r\n"}, {"DATA", "354 go\r\n"}, {".", "554 5.5.1 no recipients\r\n"}});
  auto result = deliver_to({"a@example.org"});
  EXPECT_EQ(kinds(result), std::vector{kPermanent});
  EXPECT_EQ(result.answers[0].reply.line(), "550 5.1.1 unknown");
  sink_.answer = nullptr;
  EXPECT_EQ(kinds(deliver_to({"b@example.org"})), std::vector{kAccepted});
  EXPECT_EQ(sink_.connections, 1U);
  EXPECT_EQ(sink_.count("RSET"), 0U);
  ASSERT_EQ(sink_.messages.size(), 1U);
  EXPECT_EQ(sink_.messages[0].recipients, std::vector<std::string>{"b@example.org"});
}

TEST_F(SmtpRelay, TakesTheRefusalOfTheSenderForAllRecipients) {
  answer({{"MAIL", "550 5.7.1 not you\r\n"}, {"RCPT", "503 5.5.1 MAIL first\r\n"}});
  auto result = deliver_to({"a@example.org", "b@example.org"});
  EXPECT_EQ(kinds(result), (std::vector{kPermanent, kPermanent}));
  EXPECT_EQ(result.answers[1].reply.line(), "550 5.7.1 not you");
  sink_.answer = nullptr;
  EXPECT_EQ(kinds(deliver_to({"a@example.org"})), std::vector{kAccepted});
  EXPECT_EQ(sink_.connections, 1U);
}

TEST_F(SmtpRelay, ResetsOnlyWhatWasBegun) {
  answer_once("RCPT", "550 5.1.1 unknown\r\n");
  deliver_to({"a@example.org"});
  EXPECT_EQ(sink_.count("RSET"), 0U);
  EXPECT_EQ(kinds(deliver_to({"b@example.org"})), std::vector{kAccepted});
  EXPECT_EQ(sink_.count("RSET"), 1U);
  EXPECT_EQ(kinds(deliver_to({"c@example.org"})), std::vector{kAccepted});
  EXPECT_EQ(sink_.count("RSET"), 1U);
  EXPECT_EQ(sink_.connections, 1U);
}

TEST_F(SmtpRelay, LeavesAfterItsShareOfMessages) {
  settings_.messages_per_connection = 3;
  for (int i = 1; i <= 7; ++i) {
    EXPECT_EQ(kinds(deliver_to({"a@example.org"})), std::vector{kAccepted});
    EXPECT_EQ(transport().worth_keeping(), i % 3 != 0);
  }
  EXPECT_EQ(sink_.connections, 3U);
  EXPECT_EQ(sink_.count("QUIT"), 2U);
}

TEST_F(SmtpRelay, GoesOnOnAFreshConnectionWhenTheKeptOneHasGone) {
  for (const char* farewell : {"421 4.4.2 idle too long\r\nCLOSE", "CLOSE"}) {
    deliver_to({"a@example.org"});
    auto before = sink_.messages.size();
    answer_once("MAIL", farewell);
    auto result = deliver_to({"b@example.org"});
    EXPECT_EQ(kinds(result), std::vector{kAccepted}) << farewell;
    EXPECT_FALSE(result.failure);
    EXPECT_EQ(sink_.messages.size(), before + 1);
  }
  EXPECT_EQ(sink_.connections, 3U);
}

TEST_F(SmtpRelay, DoesNotTryAgainOnAFreshConnection) {
  answer({{"MAIL", "421 4.3.2 not now\r\nCLOSE"}});
  auto result = deliver_to({"a@example.org", "b@example.org"});
  EXPECT_EQ(kinds(result), (std::vector{kTemporary, kTemporary}));
  EXPECT_EQ(result.answers[1].reply.line(), "421 4.3.2 not now");
  EXPECT_EQ(sink_.connections, 1U);
  EXPECT_FALSE(transport().worth_keeping());
}

TEST_F(SmtpRelay, KeepsRefusalsThatCameBeforeTheConnectionBroke) {
  answer({{"RCPT TO:<a@", "550 5.1.1 unknown\r\n"}, {"DATA", "CLOSE"}});
  auto result = deliver_to({"a@example.org", "b@example.org"});
  EXPECT_EQ(kinds(result), (std::vector{kPermanent, kTemporary}));
  ASSERT_TRUE(result.failure);
  EXPECT_FALSE(result.answer_lost());
}

TEST_F(SmtpRelay, SaysWhenTheMessageMayHaveBeenTaken) {
  for (const char* end : {"CLOSE", "", "2", "nonsense\r\n", "354 what\r\n", "250-half\r\nCLOSE"}) {
    SCOPED_TRACE(end);
    transport_.reset();
    answer({{".", end}, {"RCPT TO:<b@", "550 5.1.1 unknown\r\n"}});
    auto result = deliver_to({"a@example.org", "b@example.org"});
    EXPECT_EQ(kinds(result), (std::vector{kTemporary, kPermanent}));
    ASSERT_TRUE(result.failure);
    EXPECT_TRUE(result.answers[0].answer_lost);
    EXPECT_FALSE(result.answers[1].answer_lost);
    EXPECT_FALSE(transport().worth_keeping());
  }
}

TEST_F(SmtpRelay, HearsWhyTheServerHungUpInTheMiddle) {
  sink_.drops_after_write = true;
  answer({{"DATA", "354 go\r\n552 5.3.4 too large\r\n"}});
  auto result = deliver(outgoing(std::string(500'000, 'x'), {"a@example.org"}));
  EXPECT_EQ(kinds(result), std::vector{kPermanent});
  EXPECT_EQ(result.answers[0].reply.line(), "552 5.3.4 too large");
  EXPECT_FALSE(result.answer_lost());
  EXPECT_FALSE(result.failure);
}

TEST_F(SmtpRelay, SendsNothingThatIsLargerThanTheServerTakes) {
  sink_.hello = "250-s\r\n250 SIZE 19\r\n";
  auto result = deliver_to({"a@example.org"});
  EXPECT_EQ(kinds(result), std::vector{kPermanent});
  EXPECT_EQ(result.answers[0].reply.enhanced, "5.3.4");
  EXPECT_EQ(sink_.count("MAIL"), 0U);
  sink_.hello = "250-s\r\n250 SIZE 20\r\n";
  transport_.reset();
  EXPECT_EQ(kinds(deliver_to({"a@example.org"})), std::vector{kAccepted});
}

TEST_F(SmtpRelay, SaysThatABodyHas8BitOnlyWhenItHas) {
  deliver(outgoing("plain\r\n", {"a@example.org"}));
  deliver(outgoing("caf\xc3\xa9\r\n", {"a@example.org"}));
  sink_.hello = "250 s\r\n";
  transport_.reset();
  EXPECT_EQ(kinds(deliver(outgoing("caf\xe9\r\n", {"a@example.org"}))), std::vector{kAccepted});
  std::vector<std::string> mails;
  std::copy_if(sink_.commands.begin(), sink_.commands.end(), std::back_inserter(mails),
               [](const std::string& line) { return line.starts_with("MAIL"); });
  EXPECT_EQ(mails, (std::vector<std::string>{"MAIL FROM:<sender@example.org> SIZE=7",
                                             "MAIL FROM:<sender@example.org> SIZE=7 BODY=8BITMIME",
                                             "MAIL FROM:<sender@example.org>"}));
  EXPECT_EQ(sink_.messages.back().text, "caf\xe9\r\n");
}

TEST_F(SmtpRelay, SplitsManyRecipientsOverTransactions) {
  std::vector<std::string> recipients;
  for (int i = 0; i < 250; ++i) recipients.push_back("r" + std::to_string(i) + "@example.org");
  auto result = deliver_to(recipients);
  ASSERT_EQ(result.answers.size(), 250U);
  for (std::size_t i = 0; i < 250; ++i) EXPECT_EQ(result.answers[i].recipient, recipients[i]);
  EXPECT_EQ(kinds(result), std::vector(250, kAccepted));
  ASSERT_EQ(sink_.messages.size(), 3U);
  EXPECT_EQ(sink_.messages[0].recipients.size(), 100U);
  EXPECT_EQ(sink_.messages[2].recipients.size(), 50U);
}

// fetchmail 5.8.6: a sender with a line end in it became a second command.
TEST_F(SmtpRelay, LetsNoAddressBecomeACommand) {
  const std::string evil[] = {"a@example.org>\r\nMAIL FROM:<x@y.example", "a\n@example.org",      "a\r@example.org",
                              std::string("a\0@example.org", 14),         "a@example.org>\nRSET", ""};
  for (const auto& address : evil) {
    SCOPED_TRACE(::testing::PrintToString(address));
    auto result = deliver_to({"good@example.org", address});
    EXPECT_EQ(kinds(result), (std::vector{kAccepted, kPermanent}));
    if (address.empty()) continue;
    auto message = outgoing("x\r\n", {"good@example.org"});
    message.sender = address;
    EXPECT_EQ(kinds(deliver(message)), std::vector{kPermanent});
  }
  EXPECT_EQ(sink_.count("MAIL"), sink_.messages.size());
  EXPECT_EQ(sink_.messages.size(), std::size(evil));
}

TEST_F(SmtpRelay, NeverBecomesTwoMessages) {
  for (const char* end : {"\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\r\n"}) {
    auto before = sink_.messages.size();
    auto text = std::string("a") + end + "MAIL FROM:<x@y.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\nb\r\n.\r\n";
    EXPECT_EQ(kinds(deliver(outgoing(text, {"a@example.org"}))), std::vector{kAccepted});
    EXPECT_EQ(sink_.messages.size(), before + 1);
  }
}

TEST_F(SmtpRelay, WantsSmtpUtf8ForAddressesThatNeedIt) {
  auto result = deliver_to({"a@example.org",
                            "gr\xc3\xbc\xc3\x9f"
                            "e@example.org"});
  EXPECT_EQ(result.answers[0].reply.kind, kAccepted);
  EXPECT_EQ(result.answers[1].reply.kind, kPermanent);
  EXPECT_EQ(sink_.messages.at(0).recipients.size(), 1U);
}

TEST_F(SmtpRelay, TakesTheNullSender) {
  auto message = outgoing("x\r\n", {"a@example.org"});
  message.sender = "";
  EXPECT_EQ(kinds(deliver(message)), std::vector{kAccepted});
  EXPECT_EQ(sink_.messages.at(0).sender, "");
}

TEST_F(SmtpRelay, FallsBackToHeloOnlyWhereNothingIsLost) {
  answer({{"EHLO", "500 what?\r\n"}});
  EXPECT_EQ(kinds(deliver_to({"a@example.org"})), std::vector{kAccepted});
  EXPECT_EQ(sink_.count("HELO"), 1U);

  settings_.credentials.user = "alice";
  relay_.reset(), transport_.reset();
  auto result = deliver_to({"a@example.org"});
  EXPECT_EQ(kinds(result), std::vector{kTemporary});
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(sink_.count("HELO"), 1U);

  settings_.credentials.user = "";
  settings_.endpoint.tls = net::TlsMode::kStartTls;
  relay_.reset(), transport_.reset();
  EXPECT_EQ(kinds(deliver_to({"a@example.org"})), std::vector{kTemporary});
  EXPECT_EQ(sink_.count("HELO"), 1U);
}

TEST_F(SmtpRelay, SendsNothingInTheClearWithoutStartTls) {
  settings_.endpoint.tls = net::TlsMode::kStartTls;
  auto result = deliver_to({"a@example.org"});
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(kinds(result), std::vector{kTemporary});
  EXPECT_EQ(sink_.commands, std::vector<std::string>{"EHLO client.example.org"});
}

TEST_F(SmtpRelay, SaysHelloWithALiteralWhenOurNameIsUnfit) {
  settings_.helo_name = "evil\r\nMAIL FROM:<a@b.example>";
  deliver_to({"a@example.org"});
  EXPECT_EQ(sink_.commands.at(0), "EHLO [127.0.0.1]");
}

TEST_F(SmtpRelay, SettlesLmtpRecipientsOneByOne) {
  sink_.lmtp = true;
  settings_.dialect = Dialect::kLmtp;
  int dots = 0;
  sink_.answer = [&](const std::string& line) -> std::optional<std::string> {
    if (line.starts_with("RCPT TO:<b")) return "550 5.1.1 unknown\r\n";
    if (line != ".") return std::nullopt;
    return std::vector<std::string>{"250 2.0.0 saved\r\n", "552 5.2.2 full\r\n", "CLOSE"}[dots++];
  };
  auto result = deliver_to({"a", "b", "c", "d"});
  EXPECT_EQ(kinds(result), (std::vector{kAccepted, kPermanent, kPermanent, kTemporary}));
  EXPECT_EQ(result.answers[2].reply.line(), "552 5.2.2 full");
  EXPECT_TRUE(result.answers[3].answer_lost);
  EXPECT_FALSE(result.answers[2].answer_lost);
  ASSERT_TRUE(result.failure);
}

// fetchmail SA-2006-01, SA-2025-01; OpenSMTPD CVE-2020-8794: a reply nobody had thought of.
TEST_F(SmtpRelay, HasASaneMeaningForEachCodeToEachVerb) {
  std::vector<std::string> replies{"334\r\n", "334 \r\n", "334 %%%\r\n", "25\r\n", "\r\n", "250-\r\n",
                                   "250-",    "",         "CLOSE"};
  for (int code = 100; code < 600; ++code) replies.push_back(std::to_string(code) + " some words\r\n");
  for (const char* hello : {"250-s\r\n250 PIPELINING\r\n", "250 s\r\n"}) {
    sink_.hello = hello;
    for (const char* verb : {"greeting", "EHLO", "HELO", "MAIL", "RCPT", "DATA", ".", "RSET", "QUIT"}) {
      for (const auto& reply : replies) {
        SCOPED_TRACE(std::string(verb) + " " + reply);
        transport_.reset();
        std::map<std::string, std::string> script{{verb, reply}};
        if (verb == std::string("HELO")) script["EHLO"] = "500 what?\r\n";
        if (verb == std::string("RSET")) script["RCPT TO:<none@"] = "550 no\r\n";
        answer(script);
        if (verb == std::string("RSET")) deliver_to({"none@example.org"});
        sink_.messages.clear();
        auto result = deliver_to({"a@example.org"});
        ASSERT_EQ(result.answers.size(), 1U);
        const auto& got = result.answers[0];
        // What the server took and what we believe it took agree, save for the window that is marked.
        if (got.reply.kind == kAccepted) {
          EXPECT_EQ(sink_.messages.size(), 1U);
        } else if (!got.answer_lost) {
          EXPECT_EQ(sink_.messages.size(), 0U);
        }
        if (got.answer_lost) {
          EXPECT_EQ(std::string(verb), ".");
        }
        if (got.reply.kind == kPermanent) {
          EXPECT_EQ(reply[0], '5');
        }
        if (result.failure) {
          EXPECT_EQ(got.reply.kind, kTemporary);
        }
        transport().close();
        if (HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace mailstead::smtp
