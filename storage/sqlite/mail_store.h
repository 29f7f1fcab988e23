// storage/mail_store.h on SQLite. Reading in mail_store_read.cpp, mailboxes in mail_store_mailboxes.cpp, messages in
// mail_store_messages.cpp.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include "storage/mail_store.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

// Who wants to know of changes of which mailbox. Thread-safe; calls happen without a lock of this object. The end of a
// handle waits for a call of its own that is under way (unless it is made from within that call).
class Watchers {
 public:
  [[nodiscard]] std::unique_ptr<MailStore::Subscription> add(MailboxId mailbox, std::function<void()> changed);
  void announce(const std::set<MailboxId>& mailboxes);

 private:
  struct Watcher;
  struct List;
  class Handle;

  std::shared_ptr<List> list_ = make_list();
  static std::shared_ptr<List> make_list();
};

class SqliteMailStore final : public MailStore {
 public:
  SqliteMailStore(const Database& database, Watchers& watchers) : database_(database), watchers_(watchers) {}

  [[nodiscard]] std::vector<Mailbox> mailboxes(const std::string& user) const override;
  [[nodiscard]] std::optional<Mailbox> find(const std::string& user, const std::string& name) const override;
  [[nodiscard]] std::vector<std::string> subscriptions(const std::string& user) const override;
  [[nodiscard]] MailboxAnswer create(const std::string& user, const std::string& name,
                                     const std::string& special_use) override;
  [[nodiscard]] MailboxAnswer remove(const std::string& user, const std::string& name) override;
  [[nodiscard]] MailboxAnswer rename(const std::string& user, const std::string& from, const std::string& to) override;
  [[nodiscard]] MailboxAnswer subscribe(const std::string& user, const std::string& name, bool on) override;
  [[nodiscard]] std::optional<Snapshot> open(MailboxId mailbox) const override;
  [[nodiscard]] Changes changes(MailboxId mailbox, ModSeq since) const override;
  [[nodiscard]] Vanished vanished(MailboxId mailbox, ModSeq since) const override;
  [[nodiscard]] std::vector<Entry> change_flags(MailboxId mailbox, const std::vector<Uid>& uids, FlagChange change,
                                                const mail::Flags& flags, std::optional<ModSeq> unchanged_since,
                                                std::vector<Uid>* refused) override;
  [[nodiscard]] AppendedAll append_all(const std::string& user, const std::string& mailbox,
                                       std::vector<Upload> messages) override;
  [[nodiscard]] AppendedAll replace(MailboxId from, Uid uid, const std::string& user, const std::string& mailbox,
                                    Upload message) override;
  [[nodiscard]] Copied copy(MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                            const std::string& to) override;
  [[nodiscard]] Copied move(MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                            const std::string& to) override;
  [[nodiscard]] std::vector<Uid> expunge(MailboxId mailbox, const std::optional<std::vector<Uid>>& uids,
                                         bool even_undeleted) override;
  [[nodiscard]] std::optional<StoredMessage> stored(ContentId content) const override;
  [[nodiscard]] std::vector<std::optional<StoredMessage>> stored(const std::vector<ContentId>& contents) const override;
  [[nodiscard]] std::unique_ptr<Subscription> watch(MailboxId mailbox, std::function<void()> changed) override {
    return watchers_.add(mailbox, std::move(changed));
  }

 private:
  [[nodiscard]] Copied transfer(MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                                const std::string& to, bool take_away);

  const Database& database_;
  Watchers& watchers_;
};

}  // namespace mailstead::storage::sqlite
