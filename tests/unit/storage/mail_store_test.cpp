#include "tests/unit/storage/store_fixture.h"

#include <gmock/gmock.h>

#include <atomic>

namespace mailstead::storage {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using Answer = MailboxAnswer;

mail::Flags flags_of(std::initializer_list<const char*> names) {
  mail::Flags flags;
  for (const char* name : names) EXPECT_TRUE(flags.add(name)) << name;
  return flags;
}

class MailStoreContract : public StoreContract {
 protected:
  MailStoreContract() { EXPECT_TRUE(store().users().add({"alice", "keys", at(0)})); }
  MailStore& mail() { return store().mail(); }
  Uid append(const std::string& mailbox, std::size_t number, const mail::Flags& flags = {}) {
    Appended appended = mail().append("alice", mailbox, content_of(body(number)), flags, at(0));
    EXPECT_EQ(appended.answer, Answer::kDone);
    EXPECT_EQ(appended.uid_validity, box(mailbox).uid_validity);
    return appended.uid;
  }
  Answer create(const std::string& name) { return mail().create("alice", name, ""); }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const Mailbox& one : mail().mailboxes("alice")) found.push_back(one.name);
    return found;
  }
};
MAILSTEAD_FOR_EACH_STORE(MailStoreContract);

TEST_P(MailStoreContract, RefusesImpossibleNames) {
  std::string deep = "a";
  for (int i = 0; i < 32; ++i) deep += "/a";
  const std::string bad[] = {
      "",     "/",        "/a",       "a//b",    std::string(1025, 'x'), deep, "a\nb", std::string("a\0b", 3),
      "\x7f", "\xc2\x85", "\xff\xfe", "\xc0\xaf"};
  for (const std::string& name : bad) EXPECT_EQ(create(name), Answer::kInvalidName) << testing::PrintToString(name);
  EXPECT_EQ(create(std::string(1024, 'x')), Answer::kDone);
  EXPECT_EQ(create("../../etc/passwd"), Answer::kDone);
}

TEST_P(MailStoreContract, HandsOutFactsByTheirSize) {
  std::vector<ContentId> contents;
  for (std::size_t i = 0; i < 5; ++i) {
    NewContent content = content_of(body(i));
    content.structure = std::string(i == 4 ? kStoredTogether + 1 : kStoredTogether * 2 / 5, 's');
    (void)mail().append("alice", "INBOX", std::move(content), {}, at(0));
  }
  const auto snapshot = mail().open(box("INBOX").id);
  for (const Entry& entry : snapshot->entries) contents.push_back(entry.content);
  EXPECT_EQ(mail().stored(contents).size(), 2U);
  EXPECT_EQ(mail().stored({contents[4], contents[0]}).size(), 1U);
  EXPECT_EQ(mail().stored({contents[0], 999'999, contents[1]}).size(), 3U);
  EXPECT_TRUE(mail().stored(std::vector<ContentId>{}).empty());
}

TEST_P(MailStoreContract, InboxIsOneWhateverItsCase) {
  EXPECT_EQ(create("inbox"), Answer::kExists);
  EXPECT_EQ(mail().find("alice", "iNbOx")->name, "INBOX");
  EXPECT_EQ(create("inbox/sub"), Answer::kDone);
  EXPECT_THAT(names(), Contains("INBOX/sub"));
  EXPECT_EQ(mail().remove("alice", "inbox"), Answer::kNotPermitted);
}

TEST_P(MailStoreContract, CreatesMissingParentsAndDropsATrailingDelimiter) {
  EXPECT_EQ(create("a/b/c/"), Answer::kDone);
  EXPECT_THAT(names(), Contains("a"));
  EXPECT_THAT(names(), Contains("a/b"));
  EXPECT_THAT(names(), Contains("a/b/c"));
  EXPECT_EQ(create("a/b"), Answer::kExists);
}

TEST_P(MailStoreContract, ARemovedParentStaysAsANameUntilItsChildrenHaveGone) {
  create("a/b");
  append("a", 1);
  MailboxId before = box("a").id;
  EXPECT_EQ(mail().remove("alice", "a"), Answer::kDone);
  EXPECT_FALSE(box("a").selectable);
  EXPECT_TRUE(mail().changes(before, 0).mailbox_gone);
  EXPECT_FALSE(mail().open(box("a").id));
  EXPECT_EQ(mail().remove("alice", "a"), Answer::kHasChildren);
  EXPECT_EQ(mail().append("alice", "a", content_of("x"), {}, at(0)).answer, Answer::kNotPermitted);
  EXPECT_EQ(mail().remove("alice", "a/b"), Answer::kDone);
  EXPECT_EQ(mail().remove("alice", "a"), Answer::kDone);
  EXPECT_EQ(mail().remove("alice", "a"), Answer::kNoSuchMailbox);
}

TEST_P(MailStoreContract, ARecreatedMailboxHasAnotherNumbering) {
  create("a");
  Mailbox first = box("a");
  append("a", 1);
  EXPECT_EQ(mail().remove("alice", "a"), Answer::kDone);
  create("a");
  EXPECT_GT(box("a").uid_validity, first.uid_validity);
  EXPECT_NE(box("a").id, first.id);
  open();
  EXPECT_TRUE(mail().changes(first.id, 0).mailbox_gone);
}

TEST_P(MailStoreContract, UidsAreNeverUsedAgain) {
  append("INBOX", 1);
  EXPECT_EQ(append("INBOX", 2), 2U);
  EXPECT_THAT(mail().expunge(box("INBOX").id, std::nullopt, true), ElementsAre(1, 2));
  open();
  EXPECT_EQ(append("INBOX", 3), 3U);
}

TEST_P(MailStoreContract, RenameCarriesTheChildren) {
  create("a/b/c");
  append("a/b", 1);
  MailboxId id = box("a/b").id;
  EXPECT_EQ(mail().rename("alice", "a", "x/y"), Answer::kDone);
  EXPECT_EQ(box("x/y/b").id, id);
  EXPECT_THAT(names(), Contains("x/y/b/c"));
  EXPECT_THAT(names(), Not(Contains("a/b")));
  EXPECT_EQ(mail().rename("alice", "x", "Sent"), Answer::kExists);
  EXPECT_EQ(mail().rename("alice", "x", "x/y/z"), Answer::kNotPermitted);
  EXPECT_EQ(mail().rename("alice", "none", "z"), Answer::kNoSuchMailbox);
  EXPECT_EQ(mail().rename("alice", "x", "q//r"), Answer::kInvalidName);
  EXPECT_EQ(mail().rename("alice", "x", std::string(1020, 'n')), Answer::kInvalidName);
}

TEST_P(MailStoreContract, RenamingInboxMovesItsMessagesAndLeavesItEmpty) {
  append("INBOX", 1, flags_of({"\\Seen", "$Forwarded"}));
  append("INBOX", 2);
  create("INBOX/child");
  ModSeq before = box("INBOX").highest_modseq;
  EXPECT_EQ(mail().rename("alice", "INBOX", "Old"), Answer::kDone);
  EXPECT_THAT(bodies("INBOX"), IsEmpty());
  EXPECT_THAT(bodies("Old"), ElementsAre(body(1), body(2)));
  EXPECT_THAT(names(), Contains("INBOX/child"));
  Snapshot old = snapshot("Old");
  EXPECT_THAT(old.keyword_sets[old.entries[0].keywords], ElementsAre("$Forwarded"));
  EXPECT_THAT(mail().changes(box("INBOX").id, before).vanished, ElementsAre(UidRange{1, 2}));
}

TEST_P(MailStoreContract, SubscriptionsOutliveTheirMailbox) {
  create("a");
  EXPECT_EQ(mail().subscribe("alice", "a", true), Answer::kDone);
  EXPECT_TRUE(box("a").subscribed);
  EXPECT_EQ(mail().remove("alice", "a"), Answer::kDone);
  EXPECT_THAT(mail().subscriptions("alice"), Contains("a"));
  EXPECT_EQ(mail().subscribe("alice", "a", false), Answer::kDone);
  EXPECT_THAT(mail().subscriptions("alice"), Not(Contains("a")));
  EXPECT_EQ(mail().subscriptions("alice").front(), "INBOX");
}

TEST_P(MailStoreContract, CountsFollowEveryChange) {
  append("INBOX", 1);
  append("INBOX", 2, flags_of({"\\Seen"}));
  append("INBOX", 3, flags_of({"\\Deleted"}));
  Mailbox counted = box("INBOX");
  EXPECT_EQ(counted.messages, 3U);
  EXPECT_EQ(counted.unseen, 2U);
  EXPECT_EQ(counted.deleted, 1U);
  EXPECT_EQ(counted.bytes, body(1).size() + body(2).size() + body(3).size());
  static_cast<void>(mail().change_flags(counted.id, {1, 2}, FlagChange::kReplace, flags_of({"\\Seen", "\\Deleted"}),
                                        std::nullopt, nullptr));
  EXPECT_EQ(box("INBOX").unseen, 1U);
  EXPECT_EQ(box("INBOX").deleted, 3U);
  static_cast<void>(mail().expunge(counted.id, std::vector<Uid>{3, 1}, false));
  EXPECT_EQ(box("INBOX").messages, 1U);
  EXPECT_EQ(box("INBOX").unseen, 0U);
  EXPECT_EQ(box("INBOX").bytes, body(2).size());
}

struct FlagCase {
  const char* name;
  FlagChange change;
  std::initializer_list<const char*> by, after;
};

TEST_P(MailStoreContract, FlagsAreAddedRemovedAndReplaced) {
  const FlagCase cases[] = {
      {"add", FlagChange::kAdd, {"\\Flagged", "$B"}, {"\\Seen", "\\Flagged", "$A", "$B"}},
      {"add known", FlagChange::kAdd, {"\\Seen", "$a"}, {"\\Seen", "$A"}},
      {"remove", FlagChange::kRemove, {"\\Seen", "$a"}, {}},
      {"remove absent", FlagChange::kRemove, {"\\Draft", "$C"}, {"\\Seen", "$A"}},
      {"replace", FlagChange::kReplace, {"\\Draft", "$C"}, {"\\Draft", "$C"}},
      {"clear", FlagChange::kReplace, {}, {}},
  };
  MailboxId inbox = box("INBOX").id;
  for (const FlagCase& row : cases) {
    SCOPED_TRACE(row.name);
    Uid uid = append("INBOX", 1, flags_of({"\\Seen", "$A"}));
    ModSeq before = box("INBOX").highest_modseq;
    auto states = mail().change_flags(inbox, {uid, 4000}, row.change, flags_of(row.by), std::nullopt, nullptr);
    ASSERT_EQ(states.size(), 1U);
    Snapshot now = snapshot("INBOX");
    mail::Flags found{now.entries.back().flags, now.keyword_sets[now.entries.back().keywords]};
    EXPECT_EQ(found, flags_of(row.after));
    EXPECT_EQ(states[0].keywords, now.entries.back().keywords);
    bool changed = flags_of(row.after) != flags_of({"\\Seen", "$A"});
    EXPECT_EQ(now.mailbox.highest_modseq > before, changed);
    EXPECT_EQ(now.entries.back().modseq, states[0].modseq);
  }
}

TEST_P(MailStoreContract, UnchangedSinceLeavesOutWhatIsNewer) {
  append("INBOX", 1);
  append("INBOX", 2);
  MailboxId inbox = box("INBOX").id;
  ModSeq known = box("INBOX").highest_modseq;
  static_cast<void>(mail().change_flags(inbox, {2}, FlagChange::kAdd, flags_of({"\\Seen"}), std::nullopt, nullptr));
  std::vector<Uid> refused;
  auto states = mail().change_flags(inbox, {1, 2}, FlagChange::kAdd, flags_of({"\\Flagged"}), known, &refused);
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].uid, 1U);
  EXPECT_THAT(refused, ElementsAre(2));
}

TEST_P(MailStoreContract, ChangesTellWhatIsNewChangedAndGone) {
  for (std::size_t i = 1; i <= 6; ++i) append("INBOX", i);
  MailboxId inbox = box("INBOX").id;
  ModSeq known = mail().open(inbox)->mailbox.highest_modseq;
  EXPECT_THAT(mail().changes(inbox, known).changed, IsEmpty());
  static_cast<void>(mail().change_flags(inbox, {4}, FlagChange::kAdd, flags_of({"$X"}), std::nullopt, nullptr));
  static_cast<void>(mail().expunge(inbox, std::vector<Uid>{2, 3, 6}, true));
  append("INBOX", 7);
  Changes changes = mail().changes(inbox, known);
  ASSERT_EQ(changes.changed.size(), 2U);
  EXPECT_EQ(changes.changed[0].uid, 4U);
  EXPECT_THAT(changes.keyword_sets[changes.changed[0].keywords], ElementsAre("$X"));
  EXPECT_EQ(changes.changed[1].uid, 7U);
  EXPECT_THAT(changes.vanished, ElementsAre(UidRange{2, 3}, UidRange{6, 6}));
  Vanished vanished = mail().vanished(inbox, known);
  EXPECT_TRUE(vanished.exact);
  EXPECT_EQ(vanished.uids, changes.vanished);
  EXPECT_THAT(mail().vanished(inbox, changes.highest_modseq).uids, IsEmpty());
  EXPECT_THAT(mail().vanished(inbox + 1000, known).uids, IsEmpty());
  EXPECT_EQ(changes.uid_next, 8U);
  EXPECT_EQ(changes.highest_modseq, box("INBOX").highest_modseq);
}

TEST_P(MailStoreContract, SeveralMessagesAreAppendedAsOne) {
  append("INBOX", 1);
  ModSeq before = box("INBOX").highest_modseq;
  auto uploads = [] {
    std::vector<Upload> made;
    for (std::size_t i = 2; i <= 4; ++i) made.push_back({content_of(body(i)), flags_of({"$N"}), at(7)});
    return made;
  };
  AppendedAll appended = mail().append_all("alice", "INBOX", uploads());
  EXPECT_EQ(appended.answer, Answer::kDone);
  EXPECT_EQ(appended.uid_validity, box("INBOX").uid_validity);
  EXPECT_THAT(appended.uids, ElementsAre(2, 3, 4));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(body(1), body(2), body(3), body(4)));
  for (const Entry& entry : mail().changes(box("INBOX").id, before).changed)
    EXPECT_EQ(entry.modseq, box("INBOX").highest_modseq);
  EXPECT_EQ(mail().append_all("alice", "nowhere", uploads()).answer, Answer::kNoSuchMailbox);
  EXPECT_EQ(mail().append_all("alice", "/bad/", uploads()).answer, Answer::kNoSuchMailbox);
}

TEST_P(MailStoreContract, AMessageIsReplacedOrNothingChanges) {
  append("INBOX", 1);
  append("INBOX", 2);
  create("a");
  auto upload = [](std::size_t number) { return Upload{content_of(body(number)), flags_of({"$N"}), at(7)}; };
  MailboxId inbox = box("INBOX").id;
  ModSeq known = box("INBOX").highest_modseq;
  AppendedAll replaced = mail().replace(inbox, 1, "alice", "INBOX", upload(3));
  EXPECT_EQ(replaced.answer, Answer::kDone);
  EXPECT_THAT(replaced.uids, ElementsAre(3));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(body(2), body(3)));
  EXPECT_THAT(mail().vanished(inbox, known).uids, ElementsAre(UidRange{1, 1}));
  EXPECT_THAT(mail().replace(inbox, 3, "alice", "a", upload(4)).uids, ElementsAre(1));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(body(2)));
  EXPECT_THAT(bodies("a"), ElementsAre(body(4)));
  EXPECT_EQ(mail().replace(inbox, 2, "alice", "nowhere", upload(5)).answer, Answer::kNoSuchMailbox);
  EXPECT_THAT(mail().replace(inbox, 77, "alice", "a", upload(5)).uids, IsEmpty());
  EXPECT_THAT(mail().replace(inbox + 1000, 2, "alice", "a", upload(5)).uids, IsEmpty());
  EXPECT_THAT(bodies("INBOX"), ElementsAre(body(2)));
  EXPECT_THAT(bodies("a"), ElementsAre(body(4)));
}

TEST_P(MailStoreContract, AMessageKnowsWhenItCameIntoItsMailbox) {
  const auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
  append("INBOX", 1);
  create("a");
  static_cast<void>(mail().copy(box("INBOX").id, {1}, "alice", "a"));
  const auto after = std::chrono::system_clock::now() + std::chrono::seconds(1);
  for (const char* name : {"INBOX", "a"}) {
    const auto saved = std::chrono::system_clock::time_point(std::chrono::seconds(snapshot(name).entries[0].saved));
    EXPECT_TRUE(before <= saved && saved <= after) << name;
  }
}

TEST_P(MailStoreContract, ManyExpungesMayBeToldAsMoreThanWasAsked) {
  append("INBOX", 1);
  MailboxId inbox = box("INBOX").id;
  ModSeq known = box("INBOX").highest_modseq;
  for (int i = 0; i < 4'200; ++i) {
    Acceptance acceptance = message(static_cast<std::size_t>(i) + 1, "same");
    acceptance.fingerprint = {};
    store().acceptor().accept(std::move(acceptance), nullptr);
  }
  store().acceptor().flush();
  std::vector<Uid> odd;
  for (Uid uid = 3; uid < 4'200 * 2; uid += 2) odd.push_back(uid);
  for (int round = 0; round < 2; ++round) {
    static_cast<void>(mail().expunge(inbox, odd, true));
    for (int i = 0; i < 4'200 && round == 0; ++i) {
      Acceptance acceptance = message(static_cast<std::size_t>(i) + 10'000, "same");
      acceptance.fingerprint = {};
      store().acceptor().accept(std::move(acceptance), nullptr);
    }
    store().acceptor().flush();
  }
  store().tidy(at(0));
  Vanished vanished = mail().vanished(inbox, known);
  EXPECT_FALSE(vanished.exact);
  EXPECT_EQ(vanished.uids, mail().changes(inbox, known).vanished);
  std::vector<Uid> gone;
  for (const UidRange& range : vanished.uids) {
    for (Uid uid = range.first; uid <= range.last; ++uid) gone.push_back(uid);
  }
  for (const Entry& entry : snapshot("INBOX").entries) {
    ASSERT_FALSE(std::binary_search(gone.begin(), gone.end(), entry.uid));
  }
  for (Uid uid : odd) ASSERT_TRUE(std::binary_search(gone.begin(), gone.end(), uid)) << uid;
}

TEST_P(MailStoreContract, CopyAndMoveShareTheBytes) {
  append("INBOX", 1, flags_of({"$A", "\\Seen"}));
  append("INBOX", 2);
  create("a");
  append("a", 9, flags_of({"$Z"}));
  MailboxId inbox = box("INBOX").id;
  Copied copied = mail().copy(inbox, {2, 1, 77}, "alice", "a");
  EXPECT_THAT(copied.from, ElementsAre(1, 2));
  EXPECT_THAT(copied.to, ElementsAre(2, 3));
  EXPECT_EQ(copied.uid_validity, box("a").uid_validity);
  EXPECT_THAT(bodies("a"), ElementsAre(body(9), body(1), body(2)));
  Snapshot target = snapshot("a");
  EXPECT_THAT(target.keyword_sets[target.entries[1].keywords], ElementsAre("$A"));
  EXPECT_EQ(target.entries[1].content, snapshot("INBOX").entries[0].content);

  Copied moved = mail().move(inbox, {1}, "alice", "a");
  EXPECT_THAT(moved.to, ElementsAre(4));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(body(2)));
  Copied within = mail().move(inbox, {2}, "alice", "INBOX");
  EXPECT_THAT(within.to, ElementsAre(3));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(body(2)));
  EXPECT_EQ(mail().copy(inbox, {3}, "alice", "none").answer, Answer::kNoSuchMailbox);
  EXPECT_EQ(mail().copy(424242, {3}, "alice", "a").answer, Answer::kNoSuchMailbox);
}

TEST_P(MailStoreContract, ExpungeTakesOnlyTheDeleted) {
  append("INBOX", 1, flags_of({"\\Deleted"}));
  append("INBOX", 2);
  append("INBOX", 3, flags_of({"\\Deleted"}));
  MailboxId inbox = box("INBOX").id;
  EXPECT_THAT(mail().expunge(inbox, std::vector<Uid>{1, 2}, false), ElementsAre(1));
  EXPECT_THAT(mail().expunge(inbox, std::nullopt, false), ElementsAre(3));
  EXPECT_THAT(bodies("INBOX"), ElementsAre(body(2)));
}

TEST_P(MailStoreContract, FactsOfTheBytesAreKept) {
  append("INBOX", 1);
  ContentId content = snapshot("INBOX").entries[0].content;
  EXPECT_EQ(mail().stored(content)->structure, "structure");
  EXPECT_EQ(mail().stored(content)->header_size, 20U);
  auto many = mail().stored(std::vector<ContentId>{content, 9999, content});
  EXPECT_TRUE(many[0].has_value());
  EXPECT_FALSE(many[1].has_value());
  EXPECT_TRUE(many[2].has_value());
}

TEST_P(MailStoreContract, WatchersLearnOfDurableChangesUntilTheHandleDies) {
  std::atomic<int> told{0};
  MailboxId inbox = box("INBOX").id;
  auto handle = mail().watch(inbox, [&] {
    EXPECT_EQ(store().mail().open(inbox)->entries.size(), 1U);  // reading from within is fine
    ++told;
  });
  append("INBOX", 1);
  append("Sent", 2);
  store().acceptor().flush();
  EXPECT_EQ(told.load(), 1);
  handle.reset();
  append("INBOX", 3);
  store().acceptor().flush();
  EXPECT_EQ(told.load(), 1);
}

TEST_P(MailStoreContract, AWatcherMayEndItselfFromWithin) {
  std::unique_ptr<MailStore::Subscription> handle;
  std::atomic<int> told{0};
  handle = mail().watch(box("INBOX").id, [&] {
    ++told;
    handle.reset();
  });
  append("INBOX", 1);
  append("INBOX", 2);
  store().acceptor().flush();
  EXPECT_EQ(told.load(), 1);
}

TEST_P(MailStoreContract, AMailboxHasALimitOfKeywordSets) {
  for (int i = 0; i < 10'010; ++i) {
    Acceptance acceptance = message(static_cast<std::size_t>(i) + 1, "same");
    acceptance.fingerprint = {};
    acceptance.placements[0].flags.add("k" + std::to_string(i));
    store().acceptor().accept(std::move(acceptance), nullptr);
  }
  store().acceptor().flush();
  Snapshot all = snapshot("INBOX");
  EXPECT_EQ(all.entries.size(), 10'010U);
  EXPECT_EQ(all.keyword_sets.size(), 10'001U);
  EXPECT_EQ(all.entries.back().keywords, 0U);
  // A client hears of it, and what it had stays.
  mail::Flags one_more;
  one_more.add("one_more");
  const auto first = all.entries.front();
  try {
    (void)store().mail().change_flags(all.mailbox.id, {first.uid}, FlagChange::kAdd, one_more, std::nullopt, nullptr);
    ADD_FAILURE() << "said nothing";
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.kind(), mail::FailureKind::kLimit);
  }
  EXPECT_EQ(snapshot("INBOX").entries.front().keywords, first.keywords);
}

TEST_P(MailStoreContract, AMessageHasALimitOfKeywords) {
  append("INBOX", 1);
  const Snapshot before = snapshot("INBOX");
  mail::Flags many;
  for (int i = 0; i < 201; ++i) many.add("k" + std::to_string(i));
  EXPECT_THROW((void)store().mail().change_flags(before.mailbox.id, {before.entries[0].uid}, FlagChange::kAdd, many,
                                                 std::nullopt, nullptr),
               mail::Failure);
  EXPECT_EQ(snapshot("INBOX").entries[0].keywords, 0U);
}

}  // namespace
}  // namespace mailstead::storage
