#include "connectors/local/maildir_name.h"

#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "connectors/local/maildir_folder.h"

namespace mailstead::local {
namespace {

delivery::Outgoing message() {
  delivery::Outgoing outgoing;
  outgoing.id = 7;
  outgoing.content = std::make_shared<mail::MemoryContent>("x\r\n");
  outgoing.internal_date = mail::WallTime(std::chrono::seconds(1'700'000'000));
  outgoing.message_id = "<a@example.org>";
  return outgoing;
}

TEST(MaildirName, IsTheSameForEachAttemptAndForNothingElse) {
  auto base = delivery_prefix(message(), "store");
  EXPECT_EQ(delivery_prefix(message(), "store"), base);
  EXPECT_TRUE(base.starts_with("1700000000.Q"));
  auto retried = message();
  retried.answer_lost = true;
  retried.recipients = {"someone"};
  retried.flags.add("\\Seen");
  EXPECT_EQ(delivery_prefix(retried, "store"), base);

  std::set<std::string> names{base, delivery_prefix(message(), "other store")};
  auto other = message();
  other.id = 8;
  names.insert(delivery_prefix(other, "store"));
  other = message();
  other.message_id = "<b@example.org>";
  names.insert(delivery_prefix(other, "store"));
  other = message();
  other.content = std::make_shared<mail::MemoryContent>("xy\r\n");
  names.insert(delivery_prefix(other, "store"));
  EXPECT_EQ(names.size(), 5U);
}

TEST(MaildirName, EscapesTheHost) {
  EXPECT_EQ(base_name("1.Qx.", "a.example"), "1.Qx.a.example");
  EXPECT_EQ(base_name("1.Qx.", "../a:b,c d\n"), "1.Qx...\\057a\\072b_c_d_");
  EXPECT_EQ(base_name("1.Qx.", ""), "1.Qx.localhost");
}

TEST(MaildirName, WritesFlagsInOrder) {
  mail::Flags flags;
  EXPECT_EQ(flags_suffix(flags), "");
  for (const char* name : {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded", "other"}) {
    flags.add(name);
  }
  EXPECT_EQ(flags_suffix(flags), ":2,DFPRST");
}

TEST(MaildirFolderName, MapsFoldersAndRefusesWhatIsNone) {
  struct Row {
    std::string folder;
    std::optional<std::string> directory;
  };
  const Row rows[] = {
      {"", ""},
      {"INBOX", ""},
      {"inbox", ""},
      {"INBOX/Work", ".Work"},
      {"Lists/boost", ".Lists.boost"},
      {"Lists.boost", ".Lists.boost"},
      {"Lists/INBOX", ".Lists.INBOX"},
      {"Entw\xc3\xbcrfe", ".Entw\xc3\xbcrfe"},
      {"a b", ".a b"},
      {"..", std::nullopt},
      {".", std::nullopt},
      {"/", std::nullopt},
      {"/etc", std::nullopt},
      {"../../etc", std::nullopt},
      {"a/../b", std::nullopt},
      {"a//b", std::nullopt},
      {"a/", std::nullopt},
      {std::string("a\0b", 3), std::nullopt},
      {"a\nb", std::nullopt},
      {"a\xff", std::nullopt},
      {std::string(201, 'x'), std::nullopt},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(maildir_subdirectory(row.folder), row.directory) << ::testing::PrintToString(row.folder);
  }
}

}  // namespace
}  // namespace mailstead::local
