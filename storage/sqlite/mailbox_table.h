// Mailboxes and placements, for the writer. Owners and mailboxes are read once, changed in memory and written back
// before the commit; placements are written at once.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/mail_store.h"
#include "storage/sqlite/connection.h"

namespace mailstead::storage::sqlite {

struct OwnerRow {
  ModSeq modseq = 1;
  std::uint32_t uid_validity = 0;  // the last one given
  bool changed = false;
};

struct MailboxRow {
  Mailbox box;
  std::string user;
  ModSeq vanished_floor = 0;
  std::unordered_map<std::string, std::uint32_t> keyword_sets;  // by joined words
  std::unordered_map<std::uint32_t, std::string> keyword_words;
  bool keywords_read = false;
  bool changed = false;
};

struct Placed {
  ContentId content = 0;
  MessageId message = 0;  // 0: appended by a client
  std::uint8_t flags = 0;
  std::uint32_t keywords = 0;
  mail::WallTime internal_date;
  mail::ByteCount size = 0;
};

inline constexpr std::size_t kMaxMailboxesPerUser = 10'000;
inline constexpr std::size_t kMaxKeywordSets = 10'000;  // combinations, per mailbox, in all its time
inline constexpr std::size_t kMaxKeywords = 200;        // of one message

// References to rows live until write_back() or reset().
class MailboxTable {
 public:
  explicit MailboxTable(Connection& db) : db_(db) {}

  [[nodiscard]] MailboxRow* find(const std::string& user, const std::string& name);
  [[nodiscard]] MailboxRow* find(MailboxId id);
  // Makes it, with the owner, INBOX and Undelivered of a new owner and missing parents. Names are valid.
  [[nodiscard]] MailboxRow& ensure(const std::string& user, const std::string& name);
  [[nodiscard]] MailboxRow& create(const std::string& user, const std::string& name, bool selectable,
                                   const std::string& special_use);
  void create_parents(const std::string& user, const std::string& name);
  [[nodiscard]] std::size_t count(const std::string& user);
  // Removes the mailbox with all that lies in it. The contents that lost a reference.
  [[nodiscard]] std::vector<ContentId> erase(MailboxRow& row);
  void rename(MailboxRow& row, const std::string& to);

  [[nodiscard]] ModSeq next_modseq(const std::string& user);
  [[nodiscard]] std::uint32_t next_uid_validity(const std::string& user);
  // Throws Failure(kLimit, kMessage) above kMaxKeywords words, or where the mailbox has kMaxKeywordSets already.
  [[nodiscard]] std::uint32_t keyword_set(MailboxRow& row, const std::vector<std::string>& words);
  // 0 instead: what comes in must be kept, if without its keywords.
  [[nodiscard]] std::uint32_t keyword_set_or_none(MailboxRow& row, const std::vector<std::string>& words);

  [[nodiscard]] std::vector<std::string> keywords(MailboxRow& row, std::uint32_t set);
  // The set of `to` with the words of a set of `from`.
  [[nodiscard]] std::uint32_t translate_keywords(MailboxRow& from, std::uint32_t set, MailboxRow& to);

  // Counters, modseq and the note for watchers are seen to.
  Uid place(MailboxRow& row, const Placed& placed, ModSeq modseq);
  void change_flags(MailboxRow& row, const Entry& before, const Entry& after);
  void remove(MailboxRow& row, const Entry& entry);
  void note_vanished(MailboxRow& row, const std::vector<Uid>& uids, ModSeq modseq);
  [[nodiscard]] std::optional<Entry> entry(MailboxId mailbox, Uid uid);

  void touch(MailboxRow& row);
  // Mailboxes changed since the last call.
  [[nodiscard]] std::set<MailboxId> take_touched() { return std::exchange(touched_, {}); }

  void write_back();
  void reset() noexcept;

 private:
  static constexpr std::size_t kMaxKept = 1000;

  OwnerRow& owner(const std::string& user);
  MailboxRow& keep(MailboxRow row);
  void forget(const MailboxRow& row);
  void read_keywords(MailboxRow& row);

  Connection& db_;
  std::unordered_map<std::string, OwnerRow> owners_;
  std::unordered_map<MailboxId, MailboxRow> rows_;
  std::map<std::pair<std::string, std::string>, MailboxId> by_name_;
  std::set<MailboxId> touched_;
};

// Columns of kMailboxColumns in order, from 0.
[[nodiscard]] Mailbox read_mailbox(const Query& row);
// uid, flags, keywords, content, size, internal_date, modseq, saved from column 0.
[[nodiscard]] Entry read_entry(const Query& row);

}  // namespace mailstead::storage::sqlite
