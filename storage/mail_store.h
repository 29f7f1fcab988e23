// The mailboxes that we serve: RFC 3501 semantics (UID, UIDVALIDITY, flags) with a modification sequence per change
// (RFC 7162), so that sessions can learn of each other's changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/acceptance.h"
#include "storage/types.h"

namespace mailstead::storage {

inline constexpr char kHierarchyDelimiter = '/';

struct Mailbox {
  MailboxId id = 0;
  std::string name;        // UTF-8, NFC, "/" between levels; "INBOX" in capitals
  bool selectable = true;  // false: only a parent of others
  bool subscribed = false;
  std::string special_use;  // "\\Sent", … or ""
  std::uint32_t uid_validity = 0;
  Uid uid_next = 1;
  std::uint32_t messages = 0;
  std::uint32_t unseen = 0;
  std::uint32_t deleted = 0;
  mail::ByteCount bytes = 0;
  ModSeq highest_modseq = 1;
};

// One message in a mailbox. 48 bytes without keywords: a session keeps them all.
struct Entry {
  Uid uid = 0;
  std::uint8_t flags = 0;      // mail::kSeen …
  std::uint32_t keywords = 0;  // index into Snapshot::keyword_sets; 0 is the empty set
  ContentId content = 0;
  std::uint32_t size = 0;   // RFC822.SIZE
  std::uint32_t saved = 0;  // when it came into this mailbox, in Unix seconds; 0: not known (RFC 8514)
  mail::WallTime internal_date;
  ModSeq modseq = 0;
};

struct Snapshot {
  Mailbox mailbox;
  std::vector<Entry> entries;                          // ascending UID
  std::vector<std::vector<std::string>> keyword_sets;  // [0] is empty
};

struct Changes {
  ModSeq highest_modseq = 0;
  Uid uid_next = 0;
  std::vector<Entry> changed;  // new or with changed flags, ascending UID; keywords index keyword_sets
  std::vector<std::vector<std::string>> keyword_sets;
  std::vector<UidRange> vanished;
  bool mailbox_gone = false;  // deleted, or recreated under another id
};

struct Vanished {
  std::vector<UidRange> uids;  // ascending
  bool exact = true;           // false: the records do not reach back so far, and every UID not in use is there
};

enum class FlagChange { kAdd, kRemove, kReplace };

// An answer that the protocol reports to its client.
enum class MailboxAnswer { kDone, kNoSuchMailbox, kExists, kInvalidName, kHasChildren, kNotPermitted, kLimit };

struct Upload {
  NewContent content;
  mail::Flags flags;
  mail::WallTime internal_date;
};

struct AppendedAll {
  MailboxAnswer answer = MailboxAnswer::kDone;
  std::uint32_t uid_validity = 0;
  std::vector<Uid> uids;
};
struct Appended {
  std::uint32_t uid_validity = 0;
  Uid uid = 0;
  MailboxAnswer answer = MailboxAnswer::kDone;
};
struct Copied {
  MailboxAnswer answer = MailboxAnswer::kDone;
  std::uint32_t uid_validity = 0;
  std::vector<Uid> from, to;  // pairwise; UIDs that were gone are left out
};

inline constexpr std::size_t kStoredTogether = 4 * 1024 * 1024;  // octets

struct StoredMessage {
  mail::ByteCount header_size = 0;
  std::string structure;  // mail::encode_structure
};

// Thread-safe; writing calls return when durable. Throws Failure(kStorage, kProcess) for our own trouble; answers are
// values.
class MailStore {
 public:
  virtual ~MailStore() = default;

  // INBOX and Undelivered exist for every user that has a mailbox or an account here.
  [[nodiscard]] virtual std::vector<Mailbox> mailboxes(const std::string& user) const = 0;  // by name, INBOX first
  [[nodiscard]] virtual std::optional<Mailbox> find(const std::string& user, const std::string& name) const = 0;
  [[nodiscard]] virtual std::vector<std::string> subscriptions(
      const std::string& user) const = 0;  // names, existing or not

  // Missing parents are created, too (RFC 3501 §6.3.3). Names: ≤ 1024 octets, ≤ 32 levels, no empty level, no control
  // character.
  [[nodiscard]] virtual MailboxAnswer create(const std::string& user, const std::string& name,
                                             const std::string& special_use) = 0;
  [[nodiscard]] virtual MailboxAnswer remove(const std::string& user, const std::string& name) = 0;
  [[nodiscard]] virtual MailboxAnswer rename(const std::string& user, const std::string& from,
                                             const std::string& to) = 0;
  [[nodiscard]] virtual MailboxAnswer subscribe(const std::string& user, const std::string& name, bool on) = 0;

  [[nodiscard]] virtual std::optional<Snapshot> open(MailboxId mailbox) const = 0;
  [[nodiscard]] virtual Changes changes(MailboxId mailbox, ModSeq since) const = 0;

  // What was expunged since `since`; of a mailbox that is gone: nothing.
  [[nodiscard]] virtual Vanished vanished(MailboxId mailbox, ModSeq since) const = 0;

  // The new state of those that exist; `unchanged_since` (RFC 7162) leaves out entries with a higher modseq, returned
  // in `refused`.
  [[nodiscard]] virtual std::vector<Entry> change_flags(MailboxId mailbox, const std::vector<Uid>& uids,
                                                        FlagChange change, const mail::Flags& flags,
                                                        std::optional<ModSeq> unchanged_since,
                                                        std::vector<Uid>* refused) = 0;
  // All or none.
  [[nodiscard]] virtual AppendedAll append_all(const std::string& user, const std::string& mailbox,
                                               std::vector<Upload> messages) = 0;
  // Appends one and takes away another, both or neither (RFC 8508); no UIDs and kDone: that one is not there any more.
  [[nodiscard]] virtual AppendedAll replace(MailboxId from, Uid uid, const std::string& user,
                                            const std::string& mailbox, Upload message) = 0;
  [[nodiscard]] Appended append(const std::string& user, const std::string& mailbox, NewContent content,
                                const mail::Flags& flags, mail::WallTime internal_date) {
    std::vector<Upload> messages;
    messages.push_back({std::move(content), flags, internal_date});
    AppendedAll all = append_all(user, mailbox, std::move(messages));
    return {all.uid_validity, all.uids.empty() ? 0 : all.uids.front(), all.answer};
  }
  [[nodiscard]] virtual Copied copy(MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                                    const std::string& to) = 0;
  [[nodiscard]] virtual Copied move(MailboxId from, const std::vector<Uid>& uids, const std::string& user,
                                    const std::string& to) = 0;
  // Removes those of `uids` (nullopt: all) that are \Deleted, or all of them when `even_undeleted` (POP3 QUIT). What
  // was removed.
  [[nodiscard]] virtual std::vector<Uid> expunge(MailboxId mailbox, const std::optional<std::vector<Uid>>& uids,
                                                 bool even_undeleted) = 0;

  // Cached facts of a message's bytes.
  [[nodiscard]] virtual std::optional<StoredMessage> stored(ContentId content) const = 0;
  // The same for many, in order; nullopt where missing. For listings of large mailboxes: of a list that would take
  // more than kStoredTogether only as many of the first as fit, at least one.
  [[nodiscard]] virtual std::vector<std::optional<StoredMessage>> stored(
      const std::vector<ContentId>& contents) const = 0;

  // `changed` runs on any thread, must not block, after a durable change of the mailbox; until the handle dies.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  [[nodiscard]] virtual std::unique_ptr<Subscription> watch(MailboxId mailbox, std::function<void()> changed) = 0;
};

}  // namespace mailstead::storage
