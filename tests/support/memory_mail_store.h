// A storage::Store that keeps mailboxes and contents in memory: for tests of what is served, not of durability.
// The stores that mail servers do not use throw std::logic_error.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "storage/store.h"

namespace mailstead::test {

class MemoryContentStore final : public storage::ContentStore {
 public:
  [[nodiscard]] std::unique_ptr<storage::IncomingContent> begin(mail::ByteCount size_hint) override;
  [[nodiscard]] std::shared_ptr<const mail::Content> open(storage::ContentId id) const override;
  [[nodiscard]] storage::ContentId keep(std::shared_ptr<const mail::Content> content);
  void drop(storage::ContentId id);
  [[nodiscard]] std::size_t begun() const { return begun_; }
  // The next append to an IncomingContent throws, as a full disk does.
  std::atomic<bool> full{false};

 private:
  mutable std::mutex mutex_;
  std::map<storage::ContentId, std::shared_ptr<const mail::Content>> contents_;
  storage::ContentId next_ = 1;
  std::atomic<std::size_t> begun_{0};
};

class MemoryMailStore final : public storage::MailStore {
 public:
  explicit MemoryMailStore(MemoryContentStore& contents) : contents_(contents) {}

  [[nodiscard]] std::vector<storage::Mailbox> mailboxes(const std::string& user) const override;
  [[nodiscard]] std::optional<storage::Mailbox> find(const std::string& user, const std::string& name) const override;
  [[nodiscard]] std::vector<std::string> subscriptions(const std::string& user) const override;
  [[nodiscard]] storage::MailboxAnswer create(const std::string& user, const std::string& name,
                                              const std::string& special_use) override;
  [[nodiscard]] storage::MailboxAnswer remove(const std::string& user, const std::string& name) override;
  [[nodiscard]] storage::MailboxAnswer rename(const std::string& user, const std::string& from,
                                              const std::string& to) override;
  [[nodiscard]] storage::MailboxAnswer subscribe(const std::string& user, const std::string& name, bool on) override;
  [[nodiscard]] std::optional<storage::Snapshot> open(storage::MailboxId mailbox) const override;
  [[nodiscard]] storage::Changes changes(storage::MailboxId mailbox, storage::ModSeq since) const override;
  [[nodiscard]] storage::Vanished vanished(storage::MailboxId mailbox, storage::ModSeq since) const override;
  [[nodiscard]] std::vector<storage::Entry> change_flags(storage::MailboxId mailbox,
                                                         const std::vector<storage::Uid>& uids,
                                                         storage::FlagChange change, const mail::Flags& flags,
                                                         std::optional<storage::ModSeq> unchanged_since,
                                                         std::vector<storage::Uid>* refused) override;
  [[nodiscard]] storage::AppendedAll append_all(const std::string& user, const std::string& mailbox,
                                                std::vector<storage::Upload> messages) override;
  [[nodiscard]] storage::AppendedAll replace(storage::MailboxId from, storage::Uid uid, const std::string& user,
                                             const std::string& mailbox, storage::Upload message) override;
  [[nodiscard]] storage::Copied copy(storage::MailboxId from, const std::vector<storage::Uid>& uids,
                                     const std::string& user, const std::string& to) override;
  [[nodiscard]] storage::Copied move(storage::MailboxId from, const std::vector<storage::Uid>& uids,
                                     const std::string& user, const std::string& to) override;
  [[nodiscard]] std::vector<storage::Uid> expunge(storage::MailboxId mailbox,
                                                  const std::optional<std::vector<storage::Uid>>& uids,
                                                  bool even_undeleted) override;
  [[nodiscard]] std::optional<storage::StoredMessage> stored(storage::ContentId content) const override;
  [[nodiscard]] std::vector<std::optional<storage::StoredMessage>> stored(
      const std::vector<storage::ContentId>& contents) const override;
  [[nodiscard]] std::unique_ptr<Subscription> watch(storage::MailboxId mailbox, std::function<void()> changed) override;

  // Every call throws Failure(kStorage, kProcess) while set.
  std::atomic<bool> broken{false};
  std::atomic<std::size_t> changes_asked{0};
  std::atomic<std::size_t> appends_asked{0};
  // What stored() gives of a list.
  std::atomic<std::size_t> stored_together{SIZE_MAX};
  // A message with this keyword fails, and all that come with it.
  std::string refused_keyword;
  // What messages are marked with as the time of their coming into a mailbox.
  std::atomic<std::uint32_t> now{1'700'000'000};
  // The records of what was expunged before now are lost.
  void forget_vanished(const std::string& user, const std::string& mailbox);

 private:
  struct Row {
    mail::Flags flags;
    storage::ContentId content = 0;
    std::uint32_t size = 0, saved = 0;
    mail::WallTime date;
    storage::ModSeq modseq = 0;
  };
  struct Box {
    storage::Mailbox facts;
    std::string user;
    std::map<storage::Uid, Row> rows;
    std::vector<std::pair<storage::ModSeq, storage::Uid>> vanished;
    storage::ModSeq vanished_floor = 0;
  };
  struct Watcher;

  void check_broken() const;
  [[nodiscard]] Box* box(const std::string& user, const std::string& name);
  [[nodiscard]] const Box* box(const std::string& user, const std::string& name) const;
  [[nodiscard]] storage::Mailbox facts_of(const Box& box) const;
  [[nodiscard]] storage::Uid place(Box& box, Row row);
  void notify(storage::MailboxId mailbox) const;
  [[nodiscard]] storage::Copied transfer(storage::MailboxId from, const std::vector<storage::Uid>& uids,
                                         const std::string& user, const std::string& to, bool move);

  MemoryContentStore& contents_;
  mutable std::recursive_mutex mutex_;
  std::map<storage::MailboxId, Box> boxes_;
  std::map<std::string, std::set<std::string>> subscriptions_;
  std::map<storage::ContentId, storage::StoredMessage> stored_;
  std::shared_ptr<std::multimap<storage::MailboxId, std::shared_ptr<std::function<void()>>>> watchers_ =
      std::make_shared<std::multimap<storage::MailboxId, std::shared_ptr<std::function<void()>>>>();
  storage::MailboxId next_box_ = 1;
  std::uint32_t next_validity_ = 1000;
  storage::ModSeq modseq_ = 1;
};

class MemoryStore final : public storage::Store {
 public:
  MemoryStore() : mail_(content_) {}
  [[nodiscard]] MemoryContentStore& content() override { return content_; }
  [[nodiscard]] MemoryMailStore& mail() override { return mail_; }
  [[nodiscard]] storage::Acceptor& acceptor() override;
  [[nodiscard]] storage::Ledger& ledger() override;
  [[nodiscard]] storage::Queue& queue() override;
  [[nodiscard]] storage::History& history() override;
  [[nodiscard]] storage::Accounts& accounts() override;
  [[nodiscard]] storage::Users& users() override;
  [[nodiscard]] storage::RuleMemory& rule_memory() override;
  [[nodiscard]] storage::CheckReport check(bool) const override { return {}; }
  void tidy(mail::WallTime) override {}

  // Puts a message into a mailbox, made when missing. The UID.
  storage::Uid put(const std::string& user, const std::string& mailbox, const std::string& message,
                   const std::vector<std::string>& flags = {}, mail::WallTime date = {});

 private:
  MemoryContentStore content_;
  MemoryMailStore mail_;
};

}  // namespace mailstead::test
