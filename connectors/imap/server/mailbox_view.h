// The selected mailbox as its session has been told of it: sequence numbers, UIDs and flags.
//
// Changes of others (and our own) come in by pull() and are told by tell(). A message that vanished keeps its sequence
// number until its EXPUNGE may be said (RFC 3501 §7.4.1); until then it is gone(). 48 octets per message.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/codec/sequence_set.h"
#include "connectors/imap/server/enabled.h"
#include "connectors/imap/server/recent_register.h"
#include "mail/flags.h"
#include "storage/mail_store.h"

namespace mailstead::imap {

// What clients are held to: 63 bits (RFC 7162 §1).
inline constexpr storage::ModSeq kLargestModSeq = INT64_MAX;

// Shared with the store's notification, which may outlive the view.
struct ChangeSignal {
  std::atomic<bool> dirty{false};
  std::atomic<bool> idling{false};
};

class MailboxView {
 public:
  // nullptr when there is no such mailbox any more. `wake` is called from any thread while the session idles;
  // `enabled` must outlive the view.
  [[nodiscard]] static std::unique_ptr<MailboxView> open(storage::MailStore& store, storage::MailboxId mailbox,
                                                         bool read_only, const Enabled& enabled, RecentRegister& recent,
                                                         const std::function<void()>& wake);

  [[nodiscard]] const storage::Mailbox& mailbox() const noexcept { return mailbox_; }
  [[nodiscard]] bool read_only() const noexcept { return read_only_; }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] const storage::Entry& entry(std::size_t position) const { return entries_[position]; }
  [[nodiscard]] bool gone(std::size_t position) const { return (entries_[position].flags & kGone) != 0; }
  [[nodiscard]] bool recent(std::size_t position) const noexcept;
  [[nodiscard]] std::size_t recent_count() const noexcept;
  [[nodiscard]] mail::Flags flags(std::size_t position) const;
  [[nodiscard]] const std::vector<std::string>& keywords(std::size_t position) const {
    return keyword_sets_[entries_[position].keywords];
  }
  // "(\Seen $Forwarded)"
  void append_flags(std::string& out, std::size_t position) const;
  // "* 3 FETCH (UID 7 FLAGS (\Seen))", with CONDSTORE MODSEQ, too
  void append_state(std::string& out, std::size_t position) const;
  // "* OK [HIGHESTMODSEQ …]": all that changed up to there was told.
  void append_highest_modseq(std::string& out) const;
  [[nodiscard]] storage::ModSeq told_modseq() const noexcept { return told_modseq_; }
  // "* FLAGS (…)" and "* OK [PERMANENTFLAGS (…)]"
  void append_known_flags(std::string& out) const;

  // Positions (sequence number − 1), ascending. A sequence number above the last throws Failure(kProtocol); UIDs that
  // do not exist are left out.
  [[nodiscard]] std::vector<std::uint32_t> positions(const SequenceSet& set, bool by_uid) const;
  // The first position whose UID is not below `uid`.
  [[nodiscard]] std::size_t first_from(storage::Uid uid) const noexcept;
  [[nodiscard]] std::optional<std::size_t> position_of(storage::Uid uid) const noexcept;

  // What we believe a change of ours did; pull() then finds only what differs.
  void assume(std::size_t position, storage::FlagChange change, const mail::Flags& flags, storage::ModSeq modseq);

  // What "$" stands for (RFC 5182): UIDs, so that what is expunged drops out by itself.
  [[nodiscard]] const SequenceSet& saved_result() const noexcept { return saved_result_; }
  void save_result(SequenceSet uids) { saved_result_ = std::move(uids); }

  void mark_dirty() noexcept { signal_->dirty = true; }
  // Takes over what changed, if anything did. False: the mailbox is gone.
  [[nodiscard]] bool pull();
  // Says what is new until the output is full; true when all was said. EXPUNGE (with QRESYNC VANISHED) only when
  // `may_expunge`.
  // The same value must be given until it answers true.
  [[nodiscard]] bool tell(std::string& out, bool may_expunge);
  // The flags at `position` were just said by a FETCH response.
  void told(std::size_t position);
  // What assume() took over was not said: tell() has to.
  void tell_later(std::size_t position);
  void set_idling(bool idling) noexcept { signal_->idling = idling; }

 private:
  // Beside the flags of an entry. kUntold: they differ from what was said; kListed: its UID is in untold_.
  static constexpr std::uint8_t kGone = 0x80, kUntold = 0x40, kListed = 0x20;
  static constexpr std::uint8_t kMarks = kGone | kUntold | kListed;
  MailboxView() = default;
  void take_changed(const storage::Changes& changes);
  void take_vanished(const std::vector<storage::UidRange>& ranges);
  void claim_recent(RecentRegister& recent);
  [[nodiscard]] std::uint32_t intern(const std::vector<std::string>& keywords);
  void learn_keywords();
  [[nodiscard]] bool tell_expunged(std::string& out);
  void tell_vanished(std::string& out);
  [[nodiscard]] bool tell_flags(std::string& out);

  storage::MailStore* store_ = nullptr;
  RecentRegister* recent_register_ = nullptr;
  const Enabled* enabled_ = nullptr;
  storage::Mailbox mailbox_;
  bool read_only_ = false;
  std::vector<storage::Entry> entries_;
  std::vector<std::vector<std::string>> keyword_sets_;
  std::vector<std::string> known_keywords_;  // told by FLAGS, sorted
  bool keywords_untold_ = false;
  std::vector<storage::UidRange> recent_;
  storage::ModSeq modseq_ = 0;       // taken over up to here
  storage::ModSeq told_modseq_ = 0;  // and told
  std::size_t announced_ = 0;        // messages the client knows of
  std::size_t announced_recent_ = 0;
  std::size_t gone_count_ = 0;
  std::size_t expunge_cursor_ = 0;  // positions from here on have had their EXPUNGE said; 0: none begun
  SequenceSet saved_result_;
  std::vector<storage::Uid> untold_;  // those that are kListed
  std::shared_ptr<ChangeSignal> signal_ = std::make_shared<ChangeSignal>();
  std::unique_ptr<storage::MailStore::Subscription> subscription_;
};

}  // namespace mailstead::imap
