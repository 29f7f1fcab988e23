#include "connectors/imap/server/resynchronization.h"

#include <algorithm>

#include "connectors/imap/server/arguments.h"

namespace mailstead::imap {
namespace {

using Range = SequenceSet::Range;
using Ranges = std::vector<Range>;

constexpr std::size_t kLongestSet = 8000;  // RFC 7162 §4: clients take lines of 8192 octets

// Both ascending.
Ranges intersection(const Ranges& a, const Ranges& b) {
  Ranges both;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    Range common{std::max(a[i].first, b[j].first), std::min(a[i].last, b[j].last)};
    if (common.first <= common.last) both.push_back(common);
    (a[i].last < b[j].last ? i : j) += 1;
  }
  return both;
}

// Without what the view shows and without what is at or below `settled`.
Ranges unseen(const Ranges& ranges, const MailboxView& view, storage::Uid settled) {
  Ranges left;
  for (Range range : ranges) {
    if (range.last <= settled) continue;
    range.first = std::max(range.first, settled + 1);
    for (std::size_t at = view.first_from(range.first); at < view.size(); ++at) {
      storage::Uid uid = view.entry(at).uid;
      if (uid > range.last) break;
      if (uid > range.first) left.push_back({range.first, uid - 1});
      range.first = uid + 1;
    }
    if (range.first <= range.last && range.first != 0) left.push_back(range);
  }
  return left;
}

// The highest UID of a pair that is still true: up to there nothing went. Each pair that holds is another message of
// the view, which bounds the walk.
storage::Uid settled_by(const Resynchronization& resync, const MailboxView& view) {
  storage::Uid settled = 0;
  std::size_t i = 0, j = 0;
  std::uint32_t in_i = 0, in_j = 0;
  const Ranges &numbers = resync.numbers.ranges(), &uids = resync.uids.ranges();
  while (i < numbers.size() && j < uids.size()) {
    std::uint32_t number = numbers[i].first + in_i, uid = uids[j].first + in_j;
    if (number > view.size() || view.entry(number - 1).uid != uid) break;
    settled = uid;
    if (number == numbers[i].last) {
      ++i, in_i = 0;
    } else {
      ++in_i;
    }
    if (uid == uids[j].last) {
      ++j, in_j = 0;
    } else {
      ++in_j;
    }
  }
  return settled;
}

void tell(const storage::MailStore& store, const MailboxView& view, storage::ModSeq since, const SequenceSet* among,
          storage::Uid settled, std::string& out) {
  storage::Vanished vanished = store.vanished(view.mailbox().id, since);
  Ranges ranges;
  for (const auto& range : vanished.uids) ranges.push_back({range.first, range.last});
  if (among != nullptr) ranges = intersection(ranges, among->ranges());
  ranges = unseen(ranges, view, vanished.exact ? 0 : settled);
  if (ranges.empty()) return;
  for (const std::string& set : SequenceSet(std::move(ranges)).chunks(kLongestSet))
    out += "* VANISHED (EARLIER) " + set + "\r\n";
}

SequenceSet read_known_set(Cursor& cursor) {
  SequenceSet set = read_sequence_set(cursor);
  for (const Range& range : set.ranges()) {
    if (range.first == kStar || range.last == kStar) reject("\"*\" is nothing that a client knows");
  }
  return set.resolved(0);
}

}  // namespace

Resynchronization read_resynchronization(Cursor& cursor) {
  Resynchronization resync;
  cursor.expect_char('(');
  resync.uid_validity = static_cast<std::uint32_t>(cursor.expect_number(UINT32_MAX));
  cursor.expect_space();
  resync.modseq = cursor.expect_number(kLargestModSeq);
  bool more = cursor.try_char(' ');
  if (more && cursor.peek() != '(') {
    resync.known = read_known_set(cursor);
    more = cursor.try_char(' ');
  }
  if (more) {
    cursor.expect_char('(');
    resync.numbers = read_known_set(cursor);
    cursor.expect_space();
    resync.uids = read_known_set(cursor);
    cursor.expect_char(')');
  }
  cursor.expect_char(')');
  if (resync.uid_validity == 0 || resync.modseq == 0) reject("neither UIDVALIDITY nor MODSEQ is ever zero");
  return resync;
}

void tell_vanished_earlier(const storage::MailStore& store, const MailboxView& view, storage::ModSeq since,
                           const SequenceSet* among, std::string& out) {
  tell(store, view, since, among, 0, out);
}

void tell_vanished_earlier(const storage::MailStore& store, const MailboxView& view, const Resynchronization& resync,
                           std::string& out) {
  tell(store, view, resync.modseq, resync.known ? &*resync.known : nullptr, settled_by(resync, view), out);
}

}  // namespace mailstead::imap
