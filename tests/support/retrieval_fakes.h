// A ledger and a sink in memory for the tests of retrievers: what is ended is durable at the next flush(), as in a
// store that commits in groups, and then done in the ledger.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connectors/retrieval.h"
#include "mail/failure.h"
#include "storage/ledger.h"

namespace mailstead::testing {

class MemoryLedger final : public storage::Ledger {
 public:
  struct Folder {
    std::uint32_t uid_validity = 0;
    storage::Uid done_through = 0;
    std::set<storage::Uid> done, skipped;
    std::vector<storage::Cleanup> due;
    bool matching = false;
    storage::ModSeq highest_modseq = 0;
  };

  std::optional<storage::FolderProgress> folder(const std::string&, const std::string& name) const override {
    auto found = folders.find(name);
    if (found == folders.end()) return std::nullopt;
    storage::FolderProgress progress;
    progress.uid_validity = found->second.uid_validity;
    progress.done_through = found->second.done_through;
    progress.matching = found->second.matching;
    progress.highest_modseq = found->second.highest_modseq;
    for (storage::Uid uid : found->second.done) {
      if (uid <= progress.done_through) continue;
      if (!progress.done_beyond.empty() && progress.done_beyond.back().last + 1 == uid) {
        progress.done_beyond.back().last = uid;
      } else {
        progress.done_beyond.push_back({uid, uid});
      }
    }
    return progress;
  }
  void advance(const std::string&, const std::string& name, std::uint32_t uid_validity, storage::Uid through,
               storage::ModSeq highest_modseq) override {
    Folder& f = folders[name];
    if (highest_modseq != 0) f.highest_modseq = highest_modseq;
    f.uid_validity = uid_validity;
    f.done_through = std::max(f.done_through, through);
    ++advances;
  }
  void restart_folder(const std::string&, const std::string& name, std::uint32_t uid_validity) override {
    folders[name] = {};
    folders[name].uid_validity = uid_validity;
    folders[name].matching = true;
    std::erase_if(kept_troubles, [&](const auto& entry) { return entry.first.first == name; });
    ++restarts;
  }
  std::vector<bool> adopt(const std::string&, const std::string& name, std::uint32_t uid_validity,
                          const std::vector<storage::Shown>& shown, const std::unordered_set<std::string>&) override {
    std::vector<bool> known;
    most_shown = std::max(most_shown, shown.size());
    for (const storage::Shown& message : shown) {
      auto found = std::find_if(had.begin(), had.end(), [&](const storage::Shown& ours) {
        return ours.message_id == message.message_id && ours.size == message.size &&
               ours.internal_date == message.internal_date;
      });
      known.push_back(found != had.end());
      if (found == had.end()) continue;
      had.erase(found);
      folders[name].uid_validity = uid_validity;
      folders[name].done.insert(message.uid);
    }
    return known;
  }
  void end_matching(const std::string&, const std::string& name) override { folders[name].matching = false; }
  void mark_done(const std::string&, const std::string& name, std::uint32_t uid_validity,
                 const std::vector<storage::UidRange>& uids) override {
    folders[name].uid_validity = uid_validity;
    for (const auto& range : uids) {
      for (storage::Uid uid = range.first; uid <= range.last; ++uid) folders[name].done.insert(uid);
    }
  }
  void rewind(const std::string&, const std::string& name, storage::Uid through) override {
    Folder& f = folders[name];
    through = std::min(through, retrieved_up_to);
    f.done_through = std::min(f.done_through, through);
    std::erase_if(f.done, [&](storage::Uid uid) { return uid > through; });
    ++rewinds;
  }
  std::vector<bool> known_identities(const std::string&, const std::vector<std::string>& asked) const override {
    std::vector<bool> known;
    for (const auto& identity : asked) known.push_back(identities.contains(identity));
    return known;
  }
  void note_copies(const std::vector<storage::Copy>& seen, mail::WallTime) override {
    for (const auto& copy : seen) {
      folders[copy.source.folder].uid_validity = copy.source.uid_validity;
      folders[copy.source.folder].done.insert(copy.source.uid);
      copies.push_back(copy);
    }
  }
  void skip(const storage::SourceRef& source, mail::WallTime, const std::string& reason) override {
    Folder& f = folders[source.folder];
    f.uid_validity = source.uid_validity;
    f.skipped.insert(source.uid);
    f.done.insert(source.uid);
    reasons.push_back(reason);
  }
  void forget_skipped(const std::string&) override {}
  unsigned note_trouble(const storage::SourceRef& source, mail::WallTime now, const std::string& reason) override {
    storage::Trouble& trouble = kept_troubles[{source.folder, source.uid}];
    trouble.source = source;
    trouble.last = now;
    trouble.reason = reason;
    trouble.stepped_over = ++trouble.attempts >= storage::kPoisonAttempts;
    trouble.next_try = trouble.stepped_over ? now + storage::kPoisonRetry : now;
    folders[source.folder].uid_validity = source.uid_validity;
    if (trouble.stepped_over) {
      Folder& f = folders[source.folder];
      f.uid_validity = source.uid_validity;
      f.skipped.insert(source.uid);
      f.done.insert(source.uid);
    }
    return trouble.attempts;
  }
  std::vector<storage::Trouble> troubles(const std::string& account) const override {
    std::vector<storage::Trouble> found;
    for (const auto& [key, trouble] : kept_troubles) {
      if (account.empty() || trouble.source.account == account) found.push_back(trouble);
    }
    return found;
  }
  void forget_troubles(const std::vector<storage::SourceRef>& sources) override {
    for (const auto& source : sources) kept_troubles.erase({source.folder, source.uid});
  }
  void visit_uidls(const std::string&, const std::function<void(std::string_view)>&) const override {}
  void mark_uidls(const std::string&, const std::vector<std::string>&) override {}
  void visit_retrieved(const std::string&,
                       const std::function<void(const storage::RetrievedMessage&)>&) const override {}
  void rename_uidls(const std::string&, const std::vector<std::pair<std::string, std::string>>&) override {}
  void forget_uidls(const std::string&, const std::vector<std::string>&) override {}
  std::vector<storage::Cleanup> cleanup_due(const std::string&, const std::string& name,
                                            mail::WallTime now) const override {
    std::vector<storage::Cleanup> result;
    auto found = folders.find(name);
    if (found == folders.end()) return result;
    for (const auto& due : found->second.due) {
      if (due.due <= now) result.push_back(due);
    }
    return result;
  }
  void cleaned_uids(const std::string&, const std::string& name, const std::vector<storage::Uid>& uids) override {
    std::erase_if(folders[name].due, [&](const storage::Cleanup& due) {
      return std::find(uids.begin(), uids.end(), due.uid) != uids.end();
    });
    cleaned.insert(cleaned.end(), uids.begin(), uids.end());
  }
  void cleaned_uidls(const std::string&, const std::vector<std::string>&, bool) override {}

  std::map<std::string, Folder> folders;
  std::map<std::pair<std::string, storage::Uid>, storage::Trouble> kept_troubles;  // by folder and UID
  std::vector<storage::Uid> cleaned;
  std::vector<std::string> reasons;
  std::set<std::string> identities;  // retrieved
  std::vector<storage::Copy> copies;
  std::vector<storage::Shown> had;  // what adopt() knows of
  std::size_t most_shown = 0;       // in one call of it
  storage::Uid retrieved_up_to = UINT32_MAX;
  int advances = 0, restarts = 0, rewinds = 0;
};

class RecordingSink final : public retrieval::MessageSink {
 public:
  struct Message {
    retrieval::Incoming facts;
    std::string content;
  };

  explicit RecordingSink(MemoryLedger& ledger, std::optional<std::chrono::seconds> cleanup_after = {})
      : ledger_(ledger), cleanup_after_(cleanup_after) {}

  void begin(const retrieval::Incoming& message) override {
    if (open_) misuse = "begin within a message";
    open_ = Message{message, {}};
  }
  void append(std::string_view bytes) override {
    if (!open_) misuse = "append without begin";
    if (refuse_uid != 0 && open_ && open_->facts.source.uid == refuse_uid) {
      throw mail::Failure(refusal);
    }
    if (open_) open_->content += bytes;
  }
  void end() override {
    if (!open_) misuse = "end without begin";
    if (open_) ended_.push_back(std::move(*open_));
    open_.reset();
  }
  void abort() noexcept override {
    if (!open_) misuse = "abort without begin";
    open_.reset();
    ++aborted;
  }
  void skipped(const retrieval::Incoming& message, const std::string& reason) override {
    ledger_.skip(message.source, {}, reason);
  }
  void flush() override {
    if (fail_flush) {
      throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, "the disk is full");
    }
    for (Message& message : ended_) {
      auto& folder = ledger_.folders[message.facts.source.folder];
      folder.uid_validity = message.facts.source.uid_validity;
      folder.done.insert(message.facts.source.uid);
      folder.skipped.erase(message.facts.source.uid);
      ledger_.forget_troubles({message.facts.source});
      if (!message.facts.identity.empty()) ledger_.identities.insert(message.facts.identity);
      if (cleanup_after_) folder.due.push_back({message.facts.source.uid, {}, mail::WallTime(*cleanup_after_)});
      durable_.push_back(message.facts.source);
      messages.push_back(std::move(message));
    }
    ended_.clear();
  }
  std::vector<storage::SourceRef> take_durable() override { return std::exchange(durable_, {}); }

  [[nodiscard]] bool open() const { return open_.has_value(); }

  std::vector<Message> messages;  // durable
  std::string misuse;             // of the calls' order
  int aborted = 0;
  bool fail_flush = false;
  storage::Uid refuse_uid = 0;
  mail::Failure refusal{mail::FailureKind::kPermanent, mail::FailureScope::kMessage, "poison"};

 private:
  MemoryLedger& ledger_;
  std::optional<std::chrono::seconds> cleanup_after_;
  std::optional<Message> open_;
  std::vector<Message> ended_;
  std::vector<storage::SourceRef> durable_;
};

}  // namespace mailstead::testing
