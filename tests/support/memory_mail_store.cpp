#include "tests/support/memory_mail_store.h"

#include <algorithm>
#include <stdexcept>

#include "mail/scan.h"
#include "mail/structure.h"

namespace mailstead::test {

using storage::MailboxAnswer;
using storage::Uid;

namespace {

class MemoryIncoming final : public storage::IncomingContent {
 public:
  explicit MemoryIncoming(std::atomic<bool>& full) : full_(full) {}
  void append(std::string_view bytes) override {
    if (full_) throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, "the disk is full");
    bytes_ += bytes;
  }
  std::shared_ptr<const mail::Content> finish() override {
    return std::make_shared<mail::MemoryContent>(std::move(bytes_));
  }

 private:
  std::atomic<bool>& full_;
  std::string bytes_;
};

[[noreturn]] void unused() {
  throw std::logic_error("MemoryStore has no such store");
}

}  // namespace

std::unique_ptr<storage::IncomingContent> MemoryContentStore::begin(mail::ByteCount) {
  ++begun_;
  return std::make_unique<MemoryIncoming>(full);
}

std::shared_ptr<const mail::Content> MemoryContentStore::open(storage::ContentId id) const {
  std::lock_guard lock(mutex_);
  auto found = contents_.find(id);
  if (found == contents_.end())
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage, "no such content");
  return found->second;
}

storage::ContentId MemoryContentStore::keep(std::shared_ptr<const mail::Content> content) {
  std::lock_guard lock(mutex_);
  contents_[next_] = std::move(content);
  return next_++;
}

void MemoryContentStore::drop(storage::ContentId id) {
  std::lock_guard lock(mutex_);
  contents_.erase(id);
}

struct MemoryMailStore::Watcher final : storage::MailStore::Subscription {
  using Map = std::multimap<storage::MailboxId, std::shared_ptr<std::function<void()>>>;
  Watcher(MemoryMailStore& owner, std::shared_ptr<Map> watchers, Map::iterator at)
      : store(owner), map(std::move(watchers)), entry(at) {}
  ~Watcher() override {
    std::lock_guard lock(store.mutex_);
    map->erase(entry);
  }
  MemoryMailStore& store;
  std::shared_ptr<Map> map;
  Map::iterator entry;
};

void MemoryMailStore::check_broken() const {
  if (broken)
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, "the database does not answer");
}

const MemoryMailStore::Box* MemoryMailStore::box(const std::string& user, const std::string& name) const {
  for (const auto& [id, box] : boxes_) {
    if (box.user == user && box.facts.name == name) return &box;
  }
  return nullptr;
}

MemoryMailStore::Box* MemoryMailStore::box(const std::string& user, const std::string& name) {
  return const_cast<Box*>(std::as_const(*this).box(user, name));
}

storage::Mailbox MemoryMailStore::facts_of(const Box& box) const {
  storage::Mailbox facts = box.facts;
  for (const auto& [uid, row] : box.rows) {
    ++facts.messages;
    facts.bytes += row.size;
    if (!row.flags.has(mail::kSeen)) ++facts.unseen;
    if (row.flags.has(mail::kDeleted)) ++facts.deleted;
  }
  facts.highest_modseq = modseq_;
  auto subscribed = subscriptions_.find(box.user);
  facts.subscribed = subscribed != subscriptions_.end() && subscribed->second.contains(facts.name);
  return facts;
}

std::vector<storage::Mailbox> MemoryMailStore::mailboxes(const std::string& user) const {
  check_broken();
  std::lock_guard lock(mutex_);
  std::vector<storage::Mailbox> all;
  for (const auto& [id, box] : boxes_) {
    if (box.user == user) all.push_back(facts_of(box));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair(a.name != "INBOX", a.name) < std::pair(b.name != "INBOX", b.name);
  });
  return all;
}

std::optional<storage::Mailbox> MemoryMailStore::find(const std::string& user, const std::string& name) const {
  check_broken();
  std::lock_guard lock(mutex_);
  const Box* found = box(user, name);
  return found ? std::optional(facts_of(*found)) : std::nullopt;
}

std::vector<std::string> MemoryMailStore::subscriptions(const std::string& user) const {
  std::lock_guard lock(mutex_);
  auto found = subscriptions_.find(user);
  if (found == subscriptions_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

MailboxAnswer MemoryMailStore::create(const std::string& user, const std::string& name,
                                      const std::string& special_use) {
  check_broken();
  std::lock_guard lock(mutex_);
  if (name.empty() || name.size() > 1024 || name.front() == '/' || name.back() == '/' ||
      name.find("//") != std::string::npos)
    return MailboxAnswer::kInvalidName;
  if (Box* existing = box(user, name)) {
    if (existing->facts.selectable) return MailboxAnswer::kExists;
    existing->facts.selectable = true;
    return MailboxAnswer::kDone;
  }
  if (auto slash = name.rfind('/'); slash != std::string::npos) (void)create(user, name.substr(0, slash), "");
  Box& made = boxes_[next_box_];
  made.user = user;
  made.facts.id = next_box_++;
  made.facts.name = name;
  made.facts.special_use = special_use;
  made.facts.uid_validity = next_validity_++;
  return MailboxAnswer::kDone;
}

MailboxAnswer MemoryMailStore::remove(const std::string& user, const std::string& name) {
  check_broken();
  storage::MailboxId id = 0;
  {
    std::lock_guard lock(mutex_);
    Box* found = box(user, name);
    if (found == nullptr) return MailboxAnswer::kNoSuchMailbox;
    if (name == "INBOX") return MailboxAnswer::kNotPermitted;
    for (const auto& [other, child] : boxes_) {
      if (child.user == user && child.facts.name.starts_with(name + "/")) return MailboxAnswer::kHasChildren;
    }
    id = found->facts.id;
    boxes_.erase(id);
  }
  notify(id);
  return MailboxAnswer::kDone;
}

MailboxAnswer MemoryMailStore::rename(const std::string& user, const std::string& from, const std::string& to) {
  check_broken();
  std::lock_guard lock(mutex_);
  if (box(user, from) == nullptr) return MailboxAnswer::kNoSuchMailbox;
  if (box(user, to) != nullptr) return MailboxAnswer::kExists;
  if (from == "INBOX") {
    std::vector<Uid> uids;
    for (const auto& [uid, row] : box(user, from)->rows) uids.push_back(uid);
    MailboxAnswer answer = create(user, to, "");
    if (answer != MailboxAnswer::kDone) return answer;
    return move(box(user, from)->facts.id, uids, user, to).answer;
  }
  for (auto& [id, box] : boxes_) {
    if (box.user != user) continue;
    if (box.facts.name == from) {
      box.facts.name = to;
    } else if (box.facts.name.starts_with(from + "/")) {
      box.facts.name = to + box.facts.name.substr(from.size());
    }
  }
  return MailboxAnswer::kDone;
}

MailboxAnswer MemoryMailStore::subscribe(const std::string& user, const std::string& name, bool on) {
  check_broken();
  std::lock_guard lock(mutex_);
  if (on) {
    subscriptions_[user].insert(name);
  } else {
    subscriptions_[user].erase(name);
  }
  return MailboxAnswer::kDone;
}

namespace {

std::uint32_t intern(std::vector<std::vector<std::string>>& sets, const std::vector<std::string>& keywords) {
  auto found = std::find(sets.begin(), sets.end(), keywords);
  if (found == sets.end()) found = sets.insert(sets.end(), keywords);
  return static_cast<std::uint32_t>(found - sets.begin());
}

}  // namespace

std::optional<storage::Snapshot> MemoryMailStore::open(storage::MailboxId mailbox) const {
  check_broken();
  std::lock_guard lock(mutex_);
  auto found = boxes_.find(mailbox);
  if (found == boxes_.end()) return std::nullopt;
  storage::Snapshot snapshot;
  snapshot.mailbox = facts_of(found->second);
  snapshot.keyword_sets.emplace_back();
  for (const auto& [uid, row] : found->second.rows) {
    snapshot.entries.push_back({uid, row.flags.system, intern(snapshot.keyword_sets, row.flags.keywords), row.content,
                                row.size, row.saved, row.date, row.modseq});
  }
  return snapshot;
}

storage::Changes MemoryMailStore::changes(storage::MailboxId mailbox, storage::ModSeq since) const {
  check_broken();
  ++const_cast<MemoryMailStore*>(this)->changes_asked;
  std::lock_guard lock(mutex_);
  storage::Changes changes;
  auto found = boxes_.find(mailbox);
  if (found == boxes_.end()) {
    changes.mailbox_gone = true;
    return changes;
  }
  changes.highest_modseq = modseq_;
  changes.uid_next = found->second.facts.uid_next;
  changes.keyword_sets.emplace_back();
  for (const auto& [uid, row] : found->second.rows) {
    if (row.modseq <= since) continue;
    changes.changed.push_back({uid, row.flags.system, intern(changes.keyword_sets, row.flags.keywords), row.content,
                               row.size, row.saved, row.date, row.modseq});
  }
  for (const auto& [modseq, uid] : found->second.vanished) {
    if (modseq > since) changes.vanished.push_back({uid, uid});
  }
  return changes;
}

storage::Vanished MemoryMailStore::vanished(storage::MailboxId mailbox, storage::ModSeq since) const {
  check_broken();
  std::lock_guard lock(mutex_);
  auto found = boxes_.find(mailbox);
  if (found == boxes_.end()) return {};
  const Box& box = found->second;
  std::set<Uid> uids;
  bool exact = box.vanished_floor <= since;
  if (exact) {
    for (const auto& [modseq, uid] : box.vanished) {
      if (modseq > since) uids.insert(uid);
    }
  } else {
    for (Uid uid = 1; uid < box.facts.uid_next; ++uid) {
      if (!box.rows.contains(uid)) uids.insert(uid);
    }
  }
  storage::Vanished result{{}, exact};
  for (Uid uid : uids) {
    if (!result.uids.empty() && result.uids.back().last + 1 == uid) {
      result.uids.back().last = uid;
    } else {
      result.uids.push_back({uid, uid});
    }
  }
  return result;
}

void MemoryMailStore::forget_vanished(const std::string& user, const std::string& mailbox) {
  std::lock_guard lock(mutex_);
  Box* found = box(user, mailbox);
  found->vanished.clear();
  found->vanished_floor = modseq_;
}

std::vector<storage::Entry> MemoryMailStore::change_flags(storage::MailboxId mailbox, const std::vector<Uid>& uids,
                                                          storage::FlagChange change, const mail::Flags& flags,
                                                          std::optional<storage::ModSeq> unchanged_since,
                                                          std::vector<Uid>* refused) {
  check_broken();
  std::vector<storage::Entry> states;
  {
    std::lock_guard lock(mutex_);
    auto found = boxes_.find(mailbox);
    if (found == boxes_.end()) return states;
    storage::ModSeq changed = ++modseq_;
    for (Uid uid : uids) {
      auto at = found->second.rows.find(uid);
      if (at == found->second.rows.end()) continue;
      Row& row = at->second;
      if (unchanged_since && row.modseq > *unchanged_since) {
        if (refused) refused->push_back(uid);
        continue;
      }
      mail::Flags next = change == storage::FlagChange::kReplace ? flags : row.flags;
      if (change != storage::FlagChange::kReplace) {
        for (const auto& name : flags.names())
          (void)(change == storage::FlagChange::kAdd ? next.add(name) : next.remove(name));
      }
      if (!(next == row.flags)) row.modseq = changed;
      row.flags = next;
      states.push_back({uid, row.flags.system, 0, row.content, row.size, row.saved, row.date, row.modseq});
    }
  }
  notify(mailbox);
  return states;
}

Uid MemoryMailStore::place(Box& box, Row row) {
  row.modseq = ++modseq_;
  row.saved = now;
  Uid uid = box.facts.uid_next++;
  box.rows[uid] = std::move(row);
  return uid;
}

storage::AppendedAll MemoryMailStore::append_all(const std::string& user, const std::string& mailbox,
                                                 std::vector<storage::Upload> messages) {
  check_broken();
  ++appends_asked;
  for (const storage::Upload& message : messages) {
    if (!refused_keyword.empty() && message.flags.has_keyword(refused_keyword))
      throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kMessage, "too many keywords");
  }
  storage::AppendedAll appended;
  storage::MailboxId id = 0;
  {
    std::lock_guard lock(mutex_);
    Box* target = box(user, mailbox);
    if (target == nullptr) return {MailboxAnswer::kNoSuchMailbox, 0, {}};
    id = target->facts.id;
    appended.uid_validity = target->facts.uid_validity;
    for (const storage::Upload& message : messages) {
      Row row;
      row.flags = message.flags;
      row.size = static_cast<std::uint32_t>(message.content.bytes->size());
      row.date = message.internal_date;
      row.content = contents_.keep(message.content.bytes);
      stored_[row.content] = {message.content.header_size, message.content.structure};
      appended.uids.push_back(place(*target, std::move(row)));
    }
  }
  notify(id);
  return appended;
}

storage::AppendedAll MemoryMailStore::replace(storage::MailboxId from, Uid uid, const std::string& user,
                                              const std::string& mailbox, storage::Upload message) {
  std::lock_guard lock(mutex_);
  auto source = boxes_.find(from);
  if (source == boxes_.end() || !source->second.rows.contains(uid)) return {};
  std::vector<storage::Upload> messages;
  messages.push_back(std::move(message));
  storage::AppendedAll appended = append_all(user, mailbox, std::move(messages));
  if (appended.answer == MailboxAnswer::kDone) (void)expunge(from, std::vector<Uid>{uid}, true);
  return appended;
}

storage::Copied MemoryMailStore::transfer(storage::MailboxId from, const std::vector<Uid>& uids,
                                          const std::string& user, const std::string& to, bool move) {
  check_broken();
  storage::Copied copied;
  storage::MailboxId target_id = 0;
  {
    std::lock_guard lock(mutex_);
    Box* target = box(user, to);
    auto source = boxes_.find(from);
    if (target == nullptr || source == boxes_.end() || !target->facts.selectable) {
      copied.answer = MailboxAnswer::kNoSuchMailbox;
      return copied;
    }
    target_id = target->facts.id;
    copied.uid_validity = target->facts.uid_validity;
    for (Uid uid : uids) {
      auto at = source->second.rows.find(uid);
      if (at == source->second.rows.end()) continue;
      Row row = at->second;
      if (move) {
        source->second.rows.erase(at);
        source->second.vanished.emplace_back(++modseq_, uid);
      }
      copied.from.push_back(uid);
      copied.to.push_back(place(*target, std::move(row)));
    }
  }
  if (move) notify(from);
  notify(target_id);
  return copied;
}

storage::Copied MemoryMailStore::copy(storage::MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                                      const std::string& to) {
  return transfer(from, uids, user, to, false);
}

storage::Copied MemoryMailStore::move(storage::MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                                      const std::string& to) {
  return transfer(from, uids, user, to, true);
}

std::vector<Uid> MemoryMailStore::expunge(storage::MailboxId mailbox, const std::optional<std::vector<Uid>>& uids,
                                          bool even_undeleted) {
  check_broken();
  std::vector<Uid> removed;
  {
    std::lock_guard lock(mutex_);
    auto found = boxes_.find(mailbox);
    if (found == boxes_.end()) return removed;
    for (const auto& [uid, row] : found->second.rows) {
      bool meant = !uids || std::find(uids->begin(), uids->end(), uid) != uids->end();
      if (meant && (even_undeleted || row.flags.has(mail::kDeleted))) removed.push_back(uid);
    }
    for (Uid uid : removed) {
      found->second.rows.erase(uid);
      found->second.vanished.emplace_back(++modseq_, uid);
    }
  }
  notify(mailbox);
  return removed;
}

std::optional<storage::StoredMessage> MemoryMailStore::stored(storage::ContentId content) const {
  std::lock_guard lock(mutex_);
  auto found = stored_.find(content);
  return found == stored_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::optional<storage::StoredMessage>> MemoryMailStore::stored(
    const std::vector<storage::ContentId>& contents) const {
  check_broken();
  std::vector<std::optional<storage::StoredMessage>> all;
  for (auto content : contents) {
    if (all.size() == stored_together) break;
    all.push_back(stored(content));
  }
  return all;
}

std::unique_ptr<storage::MailStore::Subscription> MemoryMailStore::watch(storage::MailboxId mailbox,
                                                                         std::function<void()> changed) {
  std::lock_guard lock(mutex_);
  auto at = watchers_->emplace(mailbox, std::make_shared<std::function<void()>>(std::move(changed)));
  return std::make_unique<Watcher>(*this, watchers_, at);
}

void MemoryMailStore::notify(storage::MailboxId mailbox) const {
  std::vector<std::shared_ptr<std::function<void()>>> callbacks;
  {
    std::lock_guard lock(mutex_);
    auto [begin, end] = watchers_->equal_range(mailbox);
    for (auto at = begin; at != end; ++at) callbacks.push_back(at->second);
  }
  for (const auto& callback : callbacks) (*callback)();
}

storage::Acceptor& MemoryStore::acceptor() {
  unused();
}
storage::Ledger& MemoryStore::ledger() {
  unused();
}
storage::Queue& MemoryStore::queue() {
  unused();
}
storage::History& MemoryStore::history() {
  unused();
}
storage::Accounts& MemoryStore::accounts() {
  unused();
}
storage::Users& MemoryStore::users() {
  unused();
}
storage::RuleMemory& MemoryStore::rule_memory() {
  unused();
}

Uid MemoryStore::put(const std::string& user, const std::string& mailbox, const std::string& message,
                     const std::vector<std::string>& flags, mail::WallTime date) {
  if (!mail_.find(user, mailbox)) (void)mail_.create(user, mailbox, "");
  mail::MessageFacts facts = mail::scan_message(message);
  storage::NewContent content{std::make_shared<mail::MemoryContent>(message), facts.content,
                              facts.structure.body_offset, mail::encode_structure(facts.structure)};
  mail::Flags set;
  for (const auto& flag : flags) (void)set.add(flag);
  return mail_.append(user, mailbox, std::move(content), set, date).uid;
}

}  // namespace mailstead::test
