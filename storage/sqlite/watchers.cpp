#include "storage/sqlite/mail_store.h"

#include <algorithm>

namespace mailstead::storage::sqlite {

struct Watchers::Watcher {
  std::function<void()> changed;
  std::recursive_mutex calling;  // recursive: a call may end its own handle
  bool ended = false;
};

struct Watchers::List {
  std::mutex mutex;
  std::unordered_multimap<MailboxId, std::shared_ptr<Watcher>> watchers;
};

class Watchers::Handle final : public MailStore::Subscription {
 public:
  Handle(std::shared_ptr<List> list, MailboxId mailbox, std::shared_ptr<Watcher> watcher)
      : list_(std::move(list)), mailbox_(mailbox), watcher_(std::move(watcher)) {}
  ~Handle() override {
    {
      std::lock_guard lock(list_->mutex);
      auto [begin, end] = list_->watchers.equal_range(mailbox_);
      auto at = std::find_if(begin, end, [this](const auto& entry) { return entry.second == watcher_; });
      if (at != end) list_->watchers.erase(at);
    }
    std::lock_guard lock(watcher_->calling);
    watcher_->ended = true;
  }

 private:
  std::shared_ptr<List> list_;
  MailboxId mailbox_;
  std::shared_ptr<Watcher> watcher_;
};

std::shared_ptr<Watchers::List> Watchers::make_list() {
  return std::make_shared<List>();
}

std::unique_ptr<MailStore::Subscription> Watchers::add(MailboxId mailbox, std::function<void()> changed) {
  auto watcher = std::make_shared<Watcher>();
  watcher->changed = std::move(changed);
  {
    std::lock_guard lock(list_->mutex);
    list_->watchers.emplace(mailbox, watcher);
  }
  return std::make_unique<Handle>(list_, mailbox, std::move(watcher));
}

void Watchers::announce(const std::set<MailboxId>& mailboxes) {
  std::vector<std::shared_ptr<Watcher>> told;
  {
    std::lock_guard lock(list_->mutex);
    for (MailboxId mailbox : mailboxes) {
      auto [begin, end] = list_->watchers.equal_range(mailbox);
      for (auto at = begin; at != end; ++at) told.push_back(at->second);
    }
  }
  for (const auto& watcher : told) {
    std::lock_guard lock(watcher->calling);
    if (!watcher->ended) watcher->changed();
  }
}

}  // namespace mailstead::storage::sqlite
