// What is known of servers by their names and greetings.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/retriever.h"
#include "connectors/imap/client/server_quirks.h"
#include "tests/support/retrieval_fakes.h"
#include "tests/support/small_imap_server.h"

namespace mailstead::imap {
namespace {

constexpr std::string_view kExchangeSays = "The Microsoft Exchange IMAP4 service is ready. [ZQ==]";

TEST(ServerQuirks, KnowProvidersByTheDomainOfTheHost) {
  EXPECT_EQ(quirks_of("imap.gmail.com").connections, 15U);
  EXPECT_EQ(quirks_of("imap.googlemail.com").connections, 15U);
  EXPECT_EQ(quirks_of("IMAP.Mail.Yahoo.com").connections, 5U);
  EXPECT_EQ(quirks_of("imap.aol.com").connections, 5U);
  for (const char* host : {"outlook.office365.com", "imap-mail.outlook.com", "hotmail.com", "live.com"})
    EXPECT_EQ(quirks_of(host).connections, 20U) << host;
  for (const char* host : {"notgmail.com", "gmail.com.example", "", "127.0.0.1"})
    EXPECT_EQ(quirks_of(host).connections, 8U) << host;
}

TEST(ServerQuirks, YahooWantsIdFirstAndNobodyElse) {
  for (const char* host : {"imap.mail.yahoo.com", "imap.mail.yahoo.co.jp", "a.yahoodns.net", "imap.aol.com"})
    EXPECT_TRUE(quirks_of(host).id_first) << host;
  for (const char* host : {"imap.gmail.com", "notyahoo.com", "outlook.com"})
    EXPECT_FALSE(quirks_of(host).id_first) << host;
}

TEST(ServerQuirks, ExchangeIsKnownByItsGreetingExceptAtMicrosoft365) {
  const ServerQuirks own = quirks_of("mail.example.org", kExchangeSays);
  EXPECT_FALSE(own.move_works);
  EXPECT_FALSE(own.bears_pipelining);
  const ServerQuirks hosted = quirks_of("outlook.office365.com", kExchangeSays);
  EXPECT_TRUE(hosted.move_works);
  EXPECT_TRUE(hosted.bears_pipelining);
  const ServerQuirks other = quirks_of("mail.example.org", "Dovecot ready.");
  EXPECT_TRUE(other.move_works);
  EXPECT_TRUE(other.bears_pipelining);
}

// A hundred messages, moved away when they are here.
struct Moving {
  explicit Moving(std::string_view greeting) : sink(ledger) {
    server.greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] " + std::string(greeting) + "\r\n";
    server.capabilities += " MOVE";
    for (std::uint32_t uid = 1; uid <= kMessages; ++uid) server.messages[uid] = std::string(20'000, 'x');
    server.before = [this](std::string_view) {
      in_flight = std::max(in_flight, 1 + bodies_in(server.written) - answered());
      return std::string();
    };
    retrieval::AccountSettings settings;
    settings.name = "a";
    settings.endpoint.host = "127.0.0.1";
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.credentials.user = "alice";
    settings.credentials.password = [] { return mail::Secret("secret"); };
    settings.after_fetch = retrieval::AfterFetch::kMove;
    settings.move_to = "Done";
    auto retriever = make_retriever(
        settings, [this](const auto&, const auto&) { return std::make_unique<testing::SmallImapStream>(server); }, "");
    retrieval::PollObserver observer;
    result = retriever->poll(ledger, sink, observer, {}, mail::WallTime{}, {});
    remembered = retriever->remembered();
  }
  [[nodiscard]] std::size_t count(std::string_view begin) const {
    return static_cast<std::size_t>(
        std::count_if(server.commands.begin(), server.commands.end(),
                      [&](const std::string& command) { return command.starts_with(begin); }));
  }

  [[nodiscard]] static std::size_t bodies_in(const std::string& text) {
    std::size_t found = 0;
    for (auto at = text.find("BODY.PEEK"); at != std::string::npos; at = text.find("BODY.PEEK", at + 1)) ++found;
    return found;
  }
  // Of these the last is being answered.
  [[nodiscard]] std::size_t answered() const {
    std::size_t found = 0;
    for (const std::string& command : server.commands) found += bodies_in(command);
    return found;
  }

  static constexpr std::uint32_t kMessages = 100;
  std::size_t in_flight = 0;  // the most FETCHes of bodies at once
  testing::SmallImapServer server;
  testing::MemoryLedger ledger;
  testing::RecordingSink sink;
  retrieval::PollResult result;
  std::string remembered;
};

TEST(ServerQuirks, MoveIsNotUsedAtExchange) {
  const Moving there(kExchangeSays);
  EXPECT_EQ(there.result.fetched, 100U);
  EXPECT_EQ(there.result.cleaned, 100U);
  EXPECT_EQ(there.count("UID MOVE"), 0U);
  EXPECT_EQ(there.count("UID COPY"), 1U);
  EXPECT_EQ(there.count("UID EXPUNGE"), 1U);
}

TEST(ServerQuirks, ExchangeGetsOneCommandAtATimeAndThatIsNotTakenForALesson) {
  const Moving there(kExchangeSays);
  EXPECT_EQ(there.in_flight, 1U);
  EXPECT_FALSE(AccountMemory::decode(there.remembered).unpipelined);
  EXPECT_GT(Moving("ready").in_flight, 1U);
}

TEST(ServerQuirks, MoveIsUsedWhereItIsTrusted) {
  const Moving there("ready");
  EXPECT_EQ(there.result.cleaned, 100U);
  EXPECT_EQ(there.count("UID MOVE"), 1U);
  EXPECT_EQ(there.count("UID COPY"), 0U);
}

}  // namespace
}  // namespace mailstead::imap
