// What decides how a connection waits for news: how long it may be silent, and what counts as news.
#include <gtest/gtest.h>

#include "connectors/imap/client/keepalive.h"
#include "connectors/imap/client/notify.h"

namespace mailstead::imap {
namespace {

using namespace std::chrono_literals;

TEST(Keepalive, BeginsBetweenNineAndFifteenMinutesAndGrowsToLessThanTwentyNine) {
  Keepalive keepalive;
  EXPECT_GE(keepalive.interval(), 9min);
  EXPECT_LE(keepalive.interval(), 15min);
  for (int i = 0; i < 100; ++i) {
    const auto before = keepalive.interval();
    keepalive.survived(before);
    EXPECT_GE(keepalive.interval(), before);
    EXPECT_LT(keepalive.interval(), 29min);
  }
  EXPECT_EQ(keepalive.interval(), 28min);
}

TEST(Keepalive, AShortSilenceProvesNothing) {
  Keepalive keepalive;
  for (int i = 0; i < 100; ++i) keepalive.survived(1min);
  EXPECT_EQ(keepalive.interval(), 12min);
}

TEST(Keepalive, ADeadConnectionMakesItShorterAtOnce) {
  Keepalive keepalive;
  keepalive.died(10min);
  EXPECT_EQ(keepalive.interval(), 5min);
  for (int i = 0; i < 5; ++i) keepalive.survived(keepalive.interval());
  EXPECT_EQ(keepalive.interval(), 7min + 30s);  // below what was deadly
}

TEST(Keepalive, WhatWasDeadlyOnceIsTriedAgainAfterManyThatWentWell) {
  Keepalive keepalive;
  keepalive.died(10min);
  for (int i = 0; i < 200; ++i) keepalive.survived(keepalive.interval());
  EXPECT_EQ(keepalive.interval(), 28min);
}

TEST(Keepalive, NeverGoesBelowAMinuteAndIgnoresWhatSilenceDidNotKill) {
  Keepalive keepalive;
  keepalive.died(5s);
  EXPECT_EQ(keepalive.interval(), 12min);
  for (int i = 0; i < 20; ++i) keepalive.died(1min);
  EXPECT_EQ(keepalive.interval(), 1min);
}

TEST(Keepalive, TheUsersBoundHolds) {
  Keepalive keepalive(2min);
  EXPECT_EQ(keepalive.interval(), 2min);
  for (int i = 0; i < 50; ++i) keepalive.survived(keepalive.interval());
  EXPECT_EQ(keepalive.interval(), 2min);
  EXPECT_EQ(Keepalive(1h).interval(), 12min);
}

std::vector<Folder> two_folders() {
  return {folder_named("INBOX"), folder_named("Lists/a b")};
}

TEST(FolderNews, IsNewsOnceAndOnlyBeyondWhatWasPolled) {
  const auto folders = two_folders();
  FolderNews news;
  news.polled("Lists/a b", 7, 10);
  EXPECT_TRUE(read_news(R"("Lists/a b" (MESSAGES 3 UIDNEXT 10 UIDVALIDITY 7))", folders, news));
  EXPECT_FALSE(news.any());
  EXPECT_TRUE(read_news(R"("Lists/a b" (UIDVALIDITY 7 UIDNEXT 11))", folders, news));
  EXPECT_TRUE(news.any());
  EXPECT_EQ(news.take(), std::vector<std::string>{"Lists/a b"});
  EXPECT_TRUE(read_news(R"("Lists/a b" (UIDVALIDITY 7 UIDNEXT 11))", folders, news));
  EXPECT_FALSE(news.any());
  news.polled("Lists/a b", 7, 9);  // a message that was left behind does not make it news again
  EXPECT_TRUE(read_news(R"("Lists/a b" (UIDVALIDITY 7 UIDNEXT 11))", folders, news));
  EXPECT_FALSE(news.any());
}

TEST(FolderNews, ARecreatedFolderIsNewsAnEmptyOneIsNot) {
  const auto folders = two_folders();
  FolderNews news;
  EXPECT_TRUE(read_news("inbox (UIDVALIDITY 7 UIDNEXT 1)", folders, news));
  EXPECT_FALSE(news.any());
  EXPECT_TRUE(read_news("INBOX (UIDVALIDITY 7 UIDNEXT 2)", folders, news));
  EXPECT_EQ(news.take(), std::vector<std::string>{"INBOX"});
  EXPECT_TRUE(read_news("INBOX (UIDVALIDITY 8 UIDNEXT 1)", folders, news));
  EXPECT_EQ(news.take(), std::vector<std::string>{"INBOX"});
}

TEST(FolderNews, AnOverflowMeansAnyFolder) {
  FolderNews news;
  news.add("INBOX");
  news.anywhere();
  EXPECT_TRUE(news.any());
  EXPECT_TRUE(news.take().empty());
  EXPECT_FALSE(news.any());
}

TEST(FolderNews, OddStatusResponsesTellNothingAndHarmNothing) {
  const auto folders = two_folders();
  for (const char* line : {"", "INBOX", "INBOX (", "INBOX (UIDNEXT", "INBOX (UIDNEXT x)", "INBOX (UIDNEXT 99999999999)",
                           "Other (UIDNEXT 5)", "INBOX (UIDNEXT (1 2) X NIL)", "INBOX (UIDNEXT 0 UIDVALIDITY 0)",
                           "\"INBOX", "{5}\r\nINBOX (UIDNEXT -1)"}) {
    FolderNews news;
    news.polled("INBOX", 7, 10);
    (void)read_news(line, folders, news);
    EXPECT_FALSE(news.any()) << line;
  }
}

TEST(Notify, ALongListOfFoldersDoesNotFitOneCommand) {
  std::vector<Folder> folders(kMaxNotified, folder_named("x"));
  EXPECT_TRUE(fits_notify(folders));
  folders.push_back(folder_named("y"));
  EXPECT_FALSE(fits_notify(folders));
  EXPECT_FALSE(fits_notify({folder_named(std::string(kMaxNotifyCommand, 'n'))}));
}

}  // namespace
}  // namespace mailstead::imap
