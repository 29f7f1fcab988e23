// Which folders are wanted and which of them have news, against transcripts and as pure choice.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/imap/client/folder_choice.h"
#include "connectors/imap/client/mailbox_status.h"
#include "tests/unit/imap_client/session_account.h"

namespace mailstead::imap {
namespace {

void expect_success(Account& account) {
  account.know_nothing();
  account.poll();
  ASSERT_FALSE(account.failure) << account.failure->text();
  EXPECT_TRUE(account.result.warnings.empty());
}

TEST(ImapSurvey, OpensOnlyWhatHasNews) {
  Account account("list_status");
  account.settings.folders = {"*"};
  account.ledger.folders["Work/a"].uid_validity = 7;
  account.ledger.folders["Work/a"].done_through = 1;
  expect_success(account);
}

TEST(ImapSurvey, DoesWithoutListStatusWhereItIsRefused) {
  Account account("list_status_refused");
  account.settings.folders = {"*"};
  expect_success(account);
  EXPECT_TRUE(account.memory.list_status_refused);
}

TEST(ImapSurvey, AsksForSeveralNamesInOneFlight) {
  Account account("list_names");
  account.settings.folders = {"INBOX", "B\xC3\xBCro"};
  expect_success(account);
}

TEST(ImapSurvey, FindsFoldersByTheirUse) {
  Account account("special_use");
  account.settings.folders = {"\\Sent", "\\junk"};
  expect_success(account);
}

TEST(ImapSurvey, TakesSubscribedFoldersOnly) {
  for (std::string transcript : {"subscribed", "subscribed_lsub"}) {
    Account account(transcript);
    account.settings.folders = {"*"};
    account.settings.subscribed = true;
    expect_success(account);
  }
}

TEST(ImapSurvey, OpensAFolderForItsLeftOverCleanUp) {
  Account account("cleanup_without_news");
  account.settings.folders = {"*"};
  account.settings.after_fetch = retrieval::AfterFetch::kSeen;
  account.ledger.folders["INBOX"].due = {{2, "", mail::WallTime{}}};
  expect_success(account);
  EXPECT_EQ(account.ledger.cleaned, std::vector<storage::Uid>{2});
}

TEST(ImapSurvey, ShowsUseSubscriptionAndCounts) {
  auto peer = testing::ScriptedPeer::from_file("imap_client/folders.txt");
  retrieval::AccountSettings settings;
  settings.endpoint = peer->endpoint();
  settings.endpoint.tls = net::TlsMode::kNone;
  settings.credentials.user = "alice";
  settings.credentials.password = [] { return mail::Secret("secret"); };
  settings.folders = {"Work/*"};
  auto retriever = make_retriever(settings, [&](const auto&, const auto&) { return peer->connect(); });
  auto folders = retriever->folders({});
  retriever->disconnect();
  EXPECT_EQ(peer->finish(), "");
  ASSERT_EQ(folders.size(), 3U);
  EXPECT_EQ(folders[0].name, "INBOX");
  EXPECT_TRUE(folders[0].subscribed);
  EXPECT_EQ(folders[0].unseen, 1U);
  EXPECT_FALSE(folders[0].selected_for_retrieval);
  EXPECT_FALSE(folders[1].selectable);
  EXPECT_EQ(folders[2].special_use, "\\Sent");
  EXPECT_TRUE(folders[2].selected_for_retrieval);
  EXPECT_EQ(folders[2].messages, 7U);
}

std::vector<Folder> listed() {
  std::vector<Folder> folders;
  for (const char* line :
       {R"((\Subscribed) "." INBOX)", R"(() "." INBOX.Lists.cpp)", R"((\Junk) "." INBOX.Spam)",
        R"((\Trash \Subscribed) "." INBOX.Bin)", R"((\Noselect) "." INBOX.Lists)", R"((\Drafts) "." INBOX.Drafts)"}) {
    folders.push_back(*decode_list(line));
  }
  return folders;
}

std::string names(const FolderWish& wish) {
  std::string all;
  for (const Folder& folder : choose_folders(listed(), wish, false)) all += folder.name + ";";
  return all;
}

TEST(ImapFolderChoice, FollowsTheConfiguration) {
  struct Row {
    const char* what;
    FolderWish wish;
    const char* expected;
  };
  const std::vector<Row> rows = {
      {"everything but junk and trash", {{"*"}, {}}, "INBOX;INBOX.Lists.cpp;INBOX.Drafts;"},
      {"junk named by use", {{"*", "\\Junk"}, {}}, "INBOX;INBOX.Lists.cpp;INBOX.Spam;INBOX.Drafts;"},
      {"trash named by name", {{"INBOX/*", "INBOX.Bin"}, {}}, "INBOX.Lists.cpp;INBOX.Bin;INBOX.Drafts;"},
      {"excluded by use", {{"*"}, {"\\drafts"}}, "INBOX;INBOX.Lists.cpp;"},
      {"excluded wins over named", {{"\\Junk", "INBOX"}, {"\\Junk"}}, "INBOX;"},
      {"subscribed", {{"*"}, {}, true}, "INBOX;"},
      {"subscription does not concern names", {{"INBOX.Drafts", "INBOX.*"}, {}, true}, "INBOX.Drafts;"},
      {"unlisted name", {{"Else", "inbox"}, {}}, "Else;INBOX;"},
      {"only some", {{"*"}, {}, false, {}, {"INBOX/L*"}}, "INBOX.Lists.cpp;"},
      {"no such use", {{"\\Archive"}, {}}, ""},
  };
  for (const Row& row : rows) EXPECT_EQ(names(row.wish), row.expected) << row.what;
}

TEST(ImapFolderChoice, KnowsThePrefixOfTheUsersOwnFolders) {
  FolderWish wish{{"Lists/*", "Drafts", "inbox"}, {}};
  wish.own = {"INBOX.", '.'};
  EXPECT_EQ(names(wish), "INBOX.Lists.cpp;INBOX.Drafts;INBOX;");
  EXPECT_EQ(list_patterns(wish, false),
            (std::vector<std::string>{"Lists*", "Drafts", "INBOX", "INBOX.Lists.*", "INBOX.Drafts"}));
  wish.excluded = {"Drafts"};
  EXPECT_EQ(names(wish), "INBOX.Lists.cpp;INBOX;");
}

TEST(ImapFolderChoice, AsksForThePrefixOnlyWhereItMatters) {
  EXPECT_FALSE(minds_prefix({{"INBOX", "*", "\\Sent"}, {"*spam*"}}));
  EXPECT_TRUE(minds_prefix({{"Work"}}));
  EXPECT_TRUE(minds_prefix({{"*"}, {"Lists/spam"}}));
}

TEST(ImapNamespace, ReadsTheFirstPersonalOne) {
  EXPECT_EQ(decode_namespace(R"((("INBOX." ".")) NIL (("#shared." ".")))", false), (PersonalNamespace{"INBOX.", '.'}));
  EXPECT_EQ(decode_namespace(R"((("" "/")("x" "/" "X-PARAM" ("a"))) NIL NIL)", false), (PersonalNamespace{"", '/'}));
  EXPECT_EQ(decode_namespace("NIL NIL NIL", false), PersonalNamespace());
  EXPECT_EQ(decode_namespace(R"((("M&APw-/" NIL)) NIL NIL)", false), (PersonalNamespace{"M\xC3\xBC/", '\0'}));
  for (const char* bad : {"", "(", "(()", "x", "((NIL"}) EXPECT_FALSE(decode_namespace(bad, false)) << bad;
}

TEST(ImapSurvey, FindsANameBelowThePrefixAndRemembersIt) {
  Account account("namespace");
  account.settings.folders = {"Work"};
  expect_success(account);
  ASSERT_TRUE(account.memory.own);
  EXPECT_EQ(account.memory.own->prefix, "INBOX.");
}

TEST(ImapFolderChoice, AsksListForNoLessThanIsWanted) {
  struct Row {
    std::vector<std::string> folders, patterns;
  };
  const std::vector<Row> rows = {
      {{"Lists/*"}, {"Lists*"}},   {{"inbox", "A?c*"}, {"INBOX", "A*c*"}},
      {{"M\xC3\xBCn*"}, {"M*n*"}}, {{"M\xC3\xBCn", "a"}, {"M&APw-n", "a"}},
      {{"a", "\\Sent"}, {"*"}},    {{"a&b*"}, {"a*b*"}},
      {{"50%*"}, {"50*"}},
  };
  for (const Row& row : rows) EXPECT_EQ(list_patterns({row.folders, {}}, false), row.patterns) << row.folders[0];
  std::vector<std::string> many;
  for (int i = 0; i < 60; ++i) many.push_back("f" + std::to_string(i));
  EXPECT_EQ(list_patterns({many, {}}, false), std::vector<std::string>{"*"});
}

TEST(ImapStatusAnswer, KeepsOnlyNumbersThatCanBe) {
  auto answer =
      decode_status(R"(inbox (MESSAGES 3 UIDNEXT 4294967296 UIDVALIDITY 0 UNSEEN "x" SIZE 99 HIGHESTMODSEQ 8))", false);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->name, "INBOX");
  EXPECT_EQ(answer->counts.messages, 3U);
  EXPECT_FALSE(answer->counts.uid_next);
  EXPECT_FALSE(answer->counts.uid_validity);
  EXPECT_FALSE(answer->counts.unseen);
  EXPECT_EQ(answer->counts.highest_modseq, 8U);
  for (const char* bad : {"", "INBOX", "INBOX (", "INBOX (MESSAGES", "(MESSAGES 1)"}) {
    EXPECT_FALSE(decode_status(bad, false)) << bad;
  }
}

}  // namespace
}  // namespace mailstead::imap
