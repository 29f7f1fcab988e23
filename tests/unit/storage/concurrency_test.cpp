// Many threads on one store: for the thread sanitizer, and for the promises that only concurrency can break.
#include "tests/unit/storage/store_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace mailstead::storage {
namespace {

using testing::IsEmpty;

TEST(StoreConcurrency, WritersReadersAndTidyingDoNotDisturbEachOther) {
  TemporaryDirectory directory;
  StoreOptions options = options_for(directory.data());
  options.segment_size = 30'000;
  options.memory_budget = 64 * 1024;
  auto store = open_store(options);
  ASSERT_TRUE(store->users().add({"alice", "keys", at(0)}));
  MailboxId inbox = store->mail().find("alice", "INBOX")->id;
  constexpr std::size_t kAccounts = 3;
  constexpr std::size_t kPerAccount = 120;
  std::atomic<std::size_t> accepted_count{0};
  std::atomic<std::size_t> told{0};
  std::atomic<bool> stop{false};
  auto handle = store->mail().watch(inbox, [&] { ++told; });

  std::vector<std::thread> threads;
  for (std::size_t account = 0; account < kAccounts; ++account) {
    threads.emplace_back([&, account] {
      for (std::size_t i = 1; i <= kPerAccount; ++i) {
        std::size_t number = account * 1000 + i;
        Acceptance acceptance = message(number, body(number, 2000));
        acceptance.source.account = "account" + std::to_string(account);
        acceptance.contents[0] = content_through(store->content(), body(number, 2000));
        store->acceptor().accept(std::move(acceptance), [&](const AcceptResult& result) {
          if (std::holds_alternative<AcceptReceipt>(result)) ++accepted_count;
        });
      }
    });
  }
  std::vector<std::thread> others;
  others.emplace_back([&] {
    while (!stop) {
      auto snapshot = store->mail().open(inbox);
      for (const Entry& entry : snapshot->entries) {
        try {
          ASSERT_GE(read_all(*store->content().open(entry.content)).size(), 2000U);
        } catch (const mail::Failure& failure) {
          ASSERT_THAT(failure.text(), testing::HasSubstr("no longer here"));  // expunged and tidied meanwhile
        }
      }
    }
  });
  others.emplace_back([&] {
    ModSeq known = 0;
    while (!stop) {
      Changes changes = store->mail().changes(inbox, known);
      std::vector<Uid> uids;
      for (const Entry& entry : changes.changed) {
        if (entry.uid % 2 == 0) uids.push_back(entry.uid);
      }
      known = changes.highest_modseq;
      static_cast<void>(store->mail().expunge(inbox, uids, true));
      store->tidy(at(0));
    }
  });
  for (std::thread& thread : threads) thread.join();
  store->acceptor().flush();
  stop = true;
  for (std::thread& thread : others) thread.join();
  handle.reset();
  EXPECT_EQ(accepted_count.load(), kAccounts * kPerAccount);
  EXPECT_GT(told.load(), 0U);
  EXPECT_THAT(store->check(true).problems, IsEmpty());
}

TEST(StoreConcurrency, MemoryOfWaitingMessagesStaysInsideTheBudget) {
  TemporaryDirectory directory;
  StoreOptions options = options_for(directory.data());
  options.memory_budget = 256 * 1024;
  auto store = open_store(options);
  std::vector<std::thread> threads;
  for (std::size_t account = 0; account < 4; ++account) {
    threads.emplace_back([&, account] {
      for (std::size_t i = 1; i <= 50; ++i) {
        std::size_t number = account * 1000 + i;
        Acceptance acceptance = message(number, body(number, 30'000));
        acceptance.source.account = "account" + std::to_string(account);
        acceptance.contents[0] = content_through(store->content(), body(number, 30'000));
        store->acceptor().accept(std::move(acceptance), nullptr);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  store->acceptor().flush();
  EXPECT_EQ(store->mail().find("alice", "INBOX")->messages, 200U);
  EXPECT_THAT(store->check(true).problems, IsEmpty());
  // Spooled because the budget was used up, yet small: no segment of its own for each.
  EXPECT_LE(store->check(false).segments, 2U);
}

}  // namespace
}  // namespace mailstead::storage
