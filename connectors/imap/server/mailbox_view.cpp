#include "connectors/imap/server/mailbox_view.h"

#include <algorithm>

#include "connectors/net/server_session.h"
#include "mail/ascii.h"
#include "mail/failure.h"
#include "mail/header.h"

namespace mailstead::imap {
namespace {

using storage::Entry;
using storage::Uid;

constexpr std::size_t kVanishedPerLine = 700;  // of ten digits each: below 8192 octets

constexpr auto kUidBelow = [](const Entry& entry, Uid uid) { return entry.uid < uid; };

bool full(const std::string& out) {
  return out.size() > net::kOutputHighWater;
}

}  // namespace

std::unique_ptr<MailboxView> MailboxView::open(storage::MailStore& store, storage::MailboxId mailbox, bool read_only,
                                               const Enabled& enabled, RecentRegister& recent,
                                               const std::function<void()>& wake) {
  std::unique_ptr<MailboxView> view(new MailboxView());
  // Watched before it is read: nothing falls between the two.
  view->subscription_ = store.watch(mailbox, [signal = view->signal_, wake] {
    signal->dirty = true;
    if (signal->idling && wake) wake();
  });
  auto snapshot = store.open(mailbox);
  if (!snapshot) return nullptr;
  view->store_ = &store;
  view->recent_register_ = &recent;
  view->enabled_ = &enabled;
  view->read_only_ = read_only;
  view->mailbox_ = std::move(snapshot->mailbox);
  view->entries_ = std::move(snapshot->entries);
  view->keyword_sets_ = std::move(snapshot->keyword_sets);
  if (view->keyword_sets_.empty()) view->keyword_sets_.emplace_back();
  view->modseq_ = view->told_modseq_ = view->mailbox_.highest_modseq;
  view->learn_keywords();
  view->keywords_untold_ = false;
  view->claim_recent(recent);
  view->announced_ = view->entries_.size();
  view->announced_recent_ = view->recent_count();
  return view;
}

bool MailboxView::recent(std::size_t position) const noexcept {
  Uid uid = entries_[position].uid;
  return std::any_of(recent_.begin(), recent_.end(),
                     [uid](const storage::UidRange& range) { return range.first <= uid && uid <= range.last; });
}

std::size_t MailboxView::recent_count() const noexcept {
  std::size_t count = 0;
  for (const auto& range : recent_) {
    auto first = std::lower_bound(entries_.begin(), entries_.end(), range.first, kUidBelow);
    auto last = std::upper_bound(first, entries_.end(), range.last, [](Uid u, const Entry& e) { return u < e.uid; });
    count += static_cast<std::size_t>(last - first);
  }
  return count;
}

// EXAMINE sees recent messages without taking them from the next session.
void MailboxView::claim_recent(RecentRegister& recent) {
  if (entries_.empty()) return;
  Uid next = std::max(mailbox_.uid_next, entries_.back().uid + 1);
  Uid first = read_only_ ? recent.peek(mailbox_.id) : recent.claim(mailbox_.id, next);
  if (!recent_.empty() && read_only_) first = std::max(first, recent_.back().last + 1);
  if (first >= next) return;
  if (!recent_.empty() && recent_.back().last + 1 == first) {
    recent_.back().last = next - 1;
  } else {
    recent_.push_back({first, next - 1});
  }
}

mail::Flags MailboxView::flags(std::size_t position) const {
  const Entry& entry = entries_[position];
  return {static_cast<std::uint8_t>(entry.flags & ~kMarks), keyword_sets_[entry.keywords]};
}

void MailboxView::append_flags(std::string& out, std::size_t position) const {
  out += '(';
  bool first = true;
  auto add = [&](std::string_view name) {
    if (!first) out += ' ';
    first = false;
    out += name;
  };
  for (const std::string& name : flags(position).names()) add(name);
  if (!enabled_->rev2 && recent(position)) add("\\Recent");
  out += ')';
}

void MailboxView::append_state(std::string& out, std::size_t position) const {
  out += "* " + std::to_string(position + 1) + " FETCH (UID " + std::to_string(entries_[position].uid) + " FLAGS ";
  append_flags(out, position);
  if (enabled_->condstore) out += " MODSEQ (" + std::to_string(entries_[position].modseq) + ')';
  out += ")\r\n";
}

void MailboxView::append_highest_modseq(std::string& out) const {
  out += "* OK [HIGHESTMODSEQ " + std::to_string(told_modseq_) + "] Told so far.\r\n";
}

void MailboxView::append_known_flags(std::string& out) const {
  std::string names = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
  for (const std::string& keyword : known_keywords_) names += ' ' + keyword;
  out += "* FLAGS (" + names + ")\r\n* OK [PERMANENTFLAGS (";
  // RFC 3501 §6.3.2: a mailbox opened read-only lets nothing be changed for good.
  if (!read_only_) out += names + " \\*";
  out += read_only_ ? ")] No permanent flags permitted.\r\n" : ")] Flags permitted.\r\n";
}

std::vector<std::uint32_t> MailboxView::positions(const SequenceSet& set, bool by_uid) const {
  std::vector<std::uint32_t> found;
  auto count = static_cast<std::uint32_t>(entries_.size());
  SequenceSet numbers = set.resolved(by_uid ? (count == 0 ? 0 : entries_.back().uid) : count);
  for (const auto& range : numbers.ranges()) {
    std::size_t begin = range.first - 1, end = range.last;
    if (by_uid) {
      begin = first_from(range.first);
      end = begin;
      while (end < entries_.size() && entries_[end].uid <= range.last) ++end;
    } else if (range.last > count) {
      // "1:*" of an empty mailbox is what some clients poll with: nothing, not an error.
      if (count == 0 && range.last == 1) continue;
      throw mail::Failure(mail::FailureKind::kProtocol, mail::FailureScope::kSession, "no message has that number");
    }
    for (std::size_t i = begin; i < end; ++i) found.push_back(static_cast<std::uint32_t>(i));
  }
  return found;
}

std::size_t MailboxView::first_from(Uid uid) const noexcept {
  return static_cast<std::size_t>(std::lower_bound(entries_.begin(), entries_.end(), uid, kUidBelow) -
                                  entries_.begin());
}

std::optional<std::size_t> MailboxView::position_of(Uid uid) const noexcept {
  auto found = std::lower_bound(entries_.begin(), entries_.end(), uid, kUidBelow);
  if (found == entries_.end() || found->uid != uid) return std::nullopt;
  return static_cast<std::size_t>(found - entries_.begin());
}

void MailboxView::assume(std::size_t position, storage::FlagChange change, const mail::Flags& flags,
                         storage::ModSeq modseq) {
  mail::Flags state = this->flags(position);
  if (change == storage::FlagChange::kReplace) {
    state = flags;
  } else {
    for (const std::string& name : flags.names()) {
      bool known = change == storage::FlagChange::kAdd ? state.add(name) : state.remove(name);
      if (!known) continue;
    }
  }
  Entry& entry = entries_[position];
  entry.flags = static_cast<std::uint8_t>((entry.flags & kMarks) | state.system);
  entry.modseq = modseq;
  if (state.keywords != keyword_sets_[entry.keywords]) entry.keywords = intern(state.keywords);
}

std::uint32_t MailboxView::intern(const std::vector<std::string>& keywords) {
  auto found = std::find(keyword_sets_.begin(), keyword_sets_.end(), keywords);
  if (found == keyword_sets_.end()) {
    keyword_sets_.push_back(keywords);
    found = std::prev(keyword_sets_.end());
    learn_keywords();
  }
  return static_cast<std::uint32_t>(found - keyword_sets_.begin());
}

void MailboxView::learn_keywords() {
  auto before = [](const std::string& a, const std::string& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return mail::lower(x) < mail::lower(y); });
  };
  for (const auto& set : keyword_sets_) {
    for (const std::string& keyword : set) {
      auto at = std::lower_bound(known_keywords_.begin(), known_keywords_.end(), keyword, before);
      if (at != known_keywords_.end() && mail::iequals(*at, keyword)) continue;
      known_keywords_.insert(at, keyword);
      keywords_untold_ = true;
    }
  }
}

bool MailboxView::pull() {
  // In the midst of saying EXPUNGE nothing may move.
  if (expunge_cursor_ > 0 || !signal_->dirty.exchange(false)) return true;
  storage::Changes changes;
  try {
    changes = store_->changes(mailbox_.id, modseq_);
  } catch (...) {
    signal_->dirty = true;
    throw;
  }
  if (changes.mailbox_gone) return false;
  take_changed(changes);
  take_vanished(changes.vanished);
  modseq_ = std::max(modseq_, changes.highest_modseq);
  mailbox_.uid_next = std::max(mailbox_.uid_next, changes.uid_next);
  if (entries_.size() > announced_) claim_recent(*recent_register_);
  return true;
}

void MailboxView::take_changed(const storage::Changes& changes) {
  std::vector<std::optional<std::uint32_t>> mapped(changes.keyword_sets.size());
  auto keywords_of = [&](const Entry& entry) -> std::uint32_t {
    if (entry.keywords >= mapped.size()) return 0;
    auto& index = mapped[entry.keywords];
    if (!index) index = intern(changes.keyword_sets[entry.keywords]);
    return *index;
  };
  for (const Entry& changed : changes.changed) {
    auto position = position_of(changed.uid);
    if (!position) {
      if (!entries_.empty() && changed.uid < entries_.back().uid) continue;  // expunged here already
      entries_.push_back(changed);
      entries_.back().keywords = keywords_of(changed);
      continue;
    }
    if (gone(*position)) continue;
    Entry& entry = entries_[*position];
    std::uint32_t keywords = keywords_of(changed);
    const auto marks = static_cast<std::uint8_t>(entry.flags & kMarks);
    bool differs = (entry.flags ^ marks) != changed.flags || entry.keywords != keywords ||
                   (enabled_->condstore && entry.modseq != changed.modseq);
    entry.flags = marks | changed.flags;
    entry.keywords = keywords;
    entry.modseq = changed.modseq;
    if (differs && *position < announced_) tell_later(*position);
  }
}

void MailboxView::take_vanished(const std::vector<storage::UidRange>& ranges) {
  for (const auto& range : ranges) {
    auto at = std::lower_bound(entries_.begin(), entries_.end(), range.first, kUidBelow);
    for (; at != entries_.end() && at->uid <= range.last; ++at) {
      if ((at->flags & kGone) != 0) continue;
      at->flags |= kGone;
      ++gone_count_;
    }
  }
  // What came and went between two looks was never seen.
  auto unseen = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(announced_, entries_.size()));
  auto end = std::remove_if(unseen, entries_.end(), [](const Entry& entry) { return (entry.flags & kGone) != 0; });
  gone_count_ -= static_cast<std::size_t>(entries_.end() - end);
  entries_.erase(end, entries_.end());
}

bool MailboxView::tell(std::string& out, bool may_expunge) {
  if (may_expunge && gone_count_ > 0 && !tell_expunged(out)) return false;
  if (keywords_untold_) {
    append_known_flags(out);
    keywords_untold_ = false;
  }
  std::size_t recent = recent_count();
  if (entries_.size() > announced_) {
    announced_ = entries_.size();
    out += "* " + std::to_string(announced_) + " EXISTS\r\n";
    announced_recent_ = recent + 1;  // EXISTS and RECENT go together
  }
  if (recent != announced_recent_) {
    announced_recent_ = recent;
    if (!enabled_->rev2) out += "* " + std::to_string(recent) + " RECENT\r\n";
  }
  if (!tell_flags(out)) return false;
  if (gone_count_ == 0) told_modseq_ = modseq_;
  return true;
}

// From the last to the first: each number is right when it is said, and the entries close up once, at the end.
bool MailboxView::tell_expunged(std::string& out) {
  if (expunge_cursor_ == 0) expunge_cursor_ = entries_.size();
  while (expunge_cursor_ > 0) {
    if (full(out)) return false;
    if (enabled_->qresync) {
      tell_vanished(out);
      continue;
    }
    --expunge_cursor_;
    if (gone(expunge_cursor_)) out += "* " + std::to_string(expunge_cursor_ + 1) + " EXPUNGE\r\n";
  }
  auto end = std::remove_if(entries_.begin(), entries_.end(), [](const Entry& e) { return (e.flags & kGone) != 0; });
  announced_ -= static_cast<std::size_t>(entries_.end() - end);
  entries_.erase(end, entries_.end());
  if (entries_.capacity() > 2 * entries_.size()) entries_.shrink_to_fit();
  gone_count_ = 0;
  announced_recent_ = std::min(announced_recent_, recent_count());
  return true;
}

// One line of bounded length, for some messages.
void MailboxView::tell_vanished(std::string& out) {
  std::vector<std::uint32_t> uids;
  while (expunge_cursor_ > 0 && uids.size() < kVanishedPerLine) {
    --expunge_cursor_;
    if (gone(expunge_cursor_)) uids.push_back(entries_[expunge_cursor_].uid);
  }
  if (!uids.empty()) out += "* VANISHED " + SequenceSet::of(std::move(uids)).text() + "\r\n";
}

bool MailboxView::tell_flags(std::string& out) {
  while (!untold_.empty()) {
    if (full(out)) return false;
    auto position = position_of(untold_.back());
    untold_.pop_back();
    if (!position) continue;
    std::uint8_t& flags = entries_[*position].flags;
    const bool tells = (flags & kUntold) != 0 && (flags & kGone) == 0;
    flags &= static_cast<std::uint8_t>(~(kUntold | kListed));
    if (tells) append_state(out, *position);
  }
  return true;
}

void MailboxView::tell_later(std::size_t position) {
  Entry& entry = entries_[position];
  if ((entry.flags & kListed) == 0) untold_.push_back(entry.uid);
  entry.flags |= kUntold | kListed;
}

void MailboxView::told(std::size_t position) {
  entries_[position].flags &= static_cast<std::uint8_t>(~kUntold);
}

}  // namespace mailstead::imap
