// What is remembered of a server between processes: it comes back as it was, and damage only costs the hints.
#include "connectors/imap/client/account_memory.h"

#include <gtest/gtest.h>

#include <string>

namespace mailstead::imap {
namespace {

AccountMemory full() {
  AccountMemory memory;
  memory.before = Capabilities::parse("IMAP4rev1 SASL-IR AUTH=PLAIN");
  memory.after = Capabilities::parse("IMAP4rev1 LIST-STATUS COMPRESS=DEFLATE");
  memory.tells_after = true;
  memory.mechanism = "SCRAM-SHA-256";
  memory.pipelining = AccountMemory::Pipelining::kWorks;
  memory.own = PersonalNamespace{"INBOX.", '.'};
  memory.compress_refused = memory.list_status_refused = memory.one_by_one = true;
  return memory;
}

TEST(ImapAccountMemory, ComesBackAsItWas) {
  const AccountMemory back = AccountMemory::decode(full().encode());
  EXPECT_EQ(back.before.words(), full().before.words());
  EXPECT_EQ(back.after.words(), full().after.words());
  EXPECT_TRUE(back.tells_after);
  EXPECT_EQ(back.mechanism, "SCRAM-SHA-256");
  EXPECT_EQ(back.pipelining, AccountMemory::Pipelining::kWorks);
  EXPECT_EQ(back.own, full().own);
  EXPECT_TRUE(back.compress_refused);
  EXPECT_TRUE(back.list_status_refused);
  EXPECT_TRUE(back.one_by_one);
  EXPECT_EQ(back.encode(), full().encode());
}

TEST(ImapAccountMemory, CutAnywhereHoldsNoHalfFacts) {
  const std::string whole = full().encode();
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const AccountMemory memory = AccountMemory::decode(std::string_view(whole).substr(0, cut));
    EXPECT_TRUE(memory.mechanism.empty() || memory.mechanism == "SCRAM-SHA-256") << cut;
    for (const std::string& word : memory.after.words()) EXPECT_TRUE(full().after.has(word)) << cut << word;
  }
}

TEST(ImapAccountMemory, OfAnotherVersionIsNone) {
  for (std::string text :
       {"imap 2\nmechanism PLAIN\n", "uid-after-body", "pop3 1\nmechanism PLAIN\n", "\n\n", "\xff"}) {
    EXPECT_EQ(AccountMemory::decode(text).encode(), AccountMemory().encode()) << text;
  }
}

TEST(ImapAccountMemory, GarbledFactsAreLeftOut) {
  const AccountMemory memory =
      AccountMemory::decode("imap 1\nmechanism A B\r\npipelining perhaps\nx\n y\nuid after-body\ntells-after no\n");
  EXPECT_EQ(memory.mechanism, "");
  EXPECT_EQ(memory.pipelining, AccountMemory::Pipelining::kUnknown);
  EXPECT_FALSE(memory.tells_after);
  EXPECT_TRUE(memory.one_by_one);
}

TEST(ImapAccountMemory, StaysSmallWhateverTheServerAnnounces) {
  std::string words;
  for (int i = 0; i < 400; ++i) words += "X" + std::string(60, 'A') + std::to_string(i) + " ";
  AccountMemory memory = full();
  memory.before = memory.after = Capabilities::parse(words);
  EXPECT_LE(memory.encode().size(), kMaxEncodedMemory);
  EXPECT_FALSE(AccountMemory::decode(memory.encode()).after.known());
  EXPECT_EQ(AccountMemory::decode(memory.encode()).mechanism, "SCRAM-SHA-256");
}

}  // namespace
}  // namespace mailstead::imap
