// What the source tells of its messages besides their bytes: Gmail's labels and identities, EMAILID, and the state that
// a clean-up waits for.
#include <gtest/gtest.h>

#include "connectors/imap/client/followed_flags.h"
#include "connectors/imap/client/gmail_labels.h"
#include "tests/unit/imap_client/folder_world.h"

namespace mailstead::imap {
namespace {

using retrieval::AfterFetch;
using retrieval::SourceState;
using Words = std::vector<std::string>;

const std::string kGmail = "IMAP4rev1 UIDPLUS MOVE CONDSTORE X-GM-EXT-1";

TEST(ImapGmail, LabelsBecomeKeywords) {
  FolderWorld world("gmail_labels", kGmail);
  world.poll_once();
  ASSERT_EQ(world.fetched(), (Uids{1, 2}));
  const auto& first = world.sink.messages[0].facts;
  EXPECT_EQ(first.flags.keywords, (Words{"$Important", "$Inbox", "$Label_Two_words"}));
  EXPECT_TRUE(first.flags.has(mail::kFlagged));
  EXPECT_EQ(first.identity, "1278455344230334865");
  EXPECT_EQ(world.sink.messages[1].facts.flags.keywords, (Words{"$Inbox", "$Label_&AOk-t&AOk-", "$Label_a_b_c"}));
}

TEST(ImapGmail, LabelsComeWithTheFirstFlight) {
  FolderWorld world("gmail_labels_direct", kGmail);
  world.seen_before(2);
  world.poll_once();
  ASSERT_EQ(world.fetched(), Uids{3});
  EXPECT_EQ(world.sink.messages[0].facts.flags.keywords, (Words{"$Important", "$Inbox"}));
  EXPECT_EQ(world.sink.messages[0].facts.identity, "77");
}

TEST(ImapGmail, WhatCameFromAnotherFolderIsNotFetchedAgain) {
  FolderWorld world("gmail_copies", kGmail);
  world.settings.folders = {"INBOX", "Work"};
  world.settings.after_fetch = AfterFetch::kDelete;
  world.folder_name = "Work";
  world.ledger.identities = {"71", "73"};
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{2});
  EXPECT_EQ(world.sink.messages[0].facts.flags.keywords, Words{"$Label_Work"});
  ASSERT_EQ(world.ledger.copies.size(), 2U);
  EXPECT_EQ(world.ledger.copies[1].source, (storage::SourceRef{"a", "Work", 7, 3, ""}));
  EXPECT_EQ(world.ledger.copies[1].cleanup_at, world.now);
  EXPECT_EQ(world.result.copies, 2U);
  EXPECT_EQ(world.ledger.folders["Work"].done_through, 3U);
  EXPECT_EQ(world.ledger.cleaned, (Uids{1, 2, 3}));
}

TEST(ImapGmail, DeletingMayMeanOutOfThisFolderOnly) {
  FolderWorld world("gmail_remove_label", kGmail);
  world.settings.after_fetch = AfterFetch::kDelete;
  world.settings.gmail_keeps_deleted = true;
  world.poll_once();
  EXPECT_EQ(world.ledger.cleaned, Uids{1});
}

TEST(ImapGmail, ItemsWithoutAValueAreNone) {
  FolderWorld world("gmail_empty_items", kGmail);
  world.poll_once();
  ASSERT_EQ(world.fetched(), Uids{1});
  EXPECT_EQ(world.sink.messages[0].facts.identity, "");
}

TEST(ImapGmail, LabelsAreBounded) {
  Folder folder = folder_named("[Gmail]/All Mail");
  mail::Flags flags;
  Words labels(1000, std::string(5000, 'x'));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = std::to_string(i) + labels[i];
  add_gmail_labels(labels, folder, flags);
  EXPECT_EQ(flags.keywords.size(), kMaxLabelKeywords);
  for (const std::string& keyword : flags.keywords) {
    EXPECT_LE(keyword.size(), kMaxLabelLength);
    EXPECT_TRUE(mail::is_keyword(keyword));
  }
}

TEST(ImapObjectId, WhatCameFromAnotherFolderIsNotFetchedAgain) {
  FolderWorld world("object_id", "IMAP4rev1 OBJECTID");
  world.settings.folders = {"*"};
  world.folder_name = "Work";
  world.ledger.identities = {"M6d99"};
  world.poll_once();
  EXPECT_EQ(world.fetched(), Uids{2});
  EXPECT_EQ(world.ledger.copies.size(), 1U);
  EXPECT_EQ(world.ledger.cleaned, Uids{});
}

class FollowingWorld : public FolderWorld {
 public:
  explicit FollowingWorld(const std::string& transcript, const std::string& capabilities = "IMAP4rev1 UIDPLUS")
      : FolderWorld(transcript, capabilities) {
    settings.after_fetch = AfterFetch::kDelete;
    settings.only_if = SourceState::kSeen;
    seen_before(3);
    inbox().due = {{1, "", {}}, {2, "", {}}, {3, "", {}}};
    inbox().highest_modseq = 50;
  }
};

TEST(ImapOnlyIf, WaitsUntilTheSourceHasTheState) {
  FollowingWorld world("only_if_seen");
  world.poll_once();
  EXPECT_EQ(world.fetched(), (Uids{4, 5}));
  EXPECT_EQ(world.ledger.cleaned, (Uids{4, 3, 1}));
  EXPECT_EQ(world.inbox().highest_modseq, 50U);
}

TEST(ImapOnlyIf, AsksNothingOfAMailboxThatDidNotChange) {
  FollowingWorld world("only_if_unchanged", "IMAP4rev1 UIDPLUS CONDSTORE");
  world.poll_once();
  EXPECT_EQ(world.ledger.cleaned, Uids{});
  EXPECT_EQ(world.inbox().due.size(), 3U);
}

TEST(ImapOnlyIf, AsksForChangesOnly) {
  FollowingWorld world("only_if_condstore", "IMAP4rev1 UIDPLUS CONDSTORE");
  world.poll_once();
  EXPECT_EQ(world.ledger.cleaned, (Uids{3, 2}));
  EXPECT_EQ(world.inbox().highest_modseq, 60U);
}

TEST(ImapOnlyIf, AsksForTheModseqThatTheNextPollNeeds) {
  FollowingWorld world("only_if_first_modseq", "IMAP4rev1 ENABLE UIDPLUS CONDSTORE QRESYNC");
  world.inbox().highest_modseq = 0;
  world.poll_once();
  EXPECT_EQ(world.ledger.cleaned, Uids{});
  EXPECT_EQ(world.inbox().highest_modseq, 60U);
}

TEST(ImapOnlyIf, IsToldBySelect) {
  FollowingWorld world("only_if_qresync", "IMAP4rev1 ENABLE UIDPLUS CONDSTORE QRESYNC");
  world.poll_once();
  EXPECT_EQ(world.ledger.cleaned, (Uids{3, 1}));
  EXPECT_EQ(world.inbox().highest_modseq, 60U);
}

TEST(ImapOnlyIf, ManyThatWaitDoNotMakeALongCommand) {
  std::vector<storage::Uid> pending;
  for (storage::Uid uid = 1; uid < 2000; uid += 2) pending.push_back(uid);
  EXPECT_EQ(FollowedFlags(pending, SourceState::kSeen).select_parameter(7, 50), "");
  EXPECT_EQ(FollowedFlags({4, 5, 6}, SourceState::kSeen).select_parameter(7, 50), " (QRESYNC (7 50 4:6))");
}

struct StateRow {
  SourceState state;
  std::uint8_t with, without;
};

TEST(ImapOnlyIf, KnowsEveryState) {
  for (StateRow row : {StateRow{SourceState::kSeen, mail::kSeen, mail::kAnswered},
                       StateRow{SourceState::kAnswered, mail::kAnswered, mail::kSeen},
                       StateRow{SourceState::kFlagged, mail::kFlagged, 0},
                       StateRow{SourceState::kUnflagged, mail::kSeen, mail::kFlagged}}) {
    EXPECT_TRUE(has_state({row.with, {}}, row.state));
    EXPECT_FALSE(has_state({row.without, {}}, row.state));
  }
  EXPECT_TRUE(has_state({}, SourceState::kAny));
}

}  // namespace
}  // namespace mailstead::imap
