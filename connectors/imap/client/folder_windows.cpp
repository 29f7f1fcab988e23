// FolderPoll, the walk through what the first flight did not bring.
#include "connectors/imap/client/folder_poll.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using storage::Uid;

constexpr std::uint32_t kSmallFolder = kMaxListed;  // listed in one go
constexpr std::size_t kSparse = 1000, kDense = kMaxListed / 2;
constexpr std::size_t kMatchedAtOnce = 1000;  // in one transaction
// A listing that takes longer has made the server read its messages to tell their sizes.
constexpr std::chrono::seconds kSlowListing{5};
constexpr std::chrono::milliseconds kSlowSize{2};  // a message

}  // namespace

bool FolderPoll::nothing_new() const {
  const MailboxState& mailbox = session_.mailbox();
  if (mailbox.exists == 0U) return true;
  // QUIRK: servers without [UIDNEXT] (optional before RFC 9051): the listing tells.
  if (!mailbox.uid_next) return false;
  return *mailbox.uid_next - 1 <= std::max(progress_.done_through, walked_);
}

void FolderPoll::fetch_new(std::optional<Window> first) {
  if (progress_.done_through == UINT32_MAX || walked_ == UINT32_MAX) return;
  if (run_.left && *run_.left == 0) {
    run_.result.more = run_.result.more || !nothing_new();
    run_.memory.unfinished[folder_.name] = !nothing_new();
    return;
  }
  if (!first && nothing_new()) {
    if (session_.mailbox().uid_next) settle(*session_.mailbox().uid_next - 1);
    return end_matching();
  }
  Window window = first ? std::move(*first) : next_window(std::max(progress_.done_through, walked_) + 1);
  while (true) {
    Uid through = window.through;
    bool last = window.last;
    bool whole = take(std::move(window));
    run_.memory.unfinished[folder_.name] = !whole;
    if (!whole) return;
    if (last || through == UINT32_MAX) return end_matching();
    window = next_window(through + 1);
  }
}

void FolderPoll::end_matching() {
  if (!progress_.matching || run_.dry_run) return;
  run_.ledger.end_matching(run_.settings.name, folder_.name);
  progress_.matching = false;
}

FolderPoll::Window FolderPoll::window_of(UidListing& listing, Uid to) {
  Window window;
  window.messages = listing.take();
  Uid newest = window.messages.empty() ? 0 : window.messages.back().uid;
  if (auto cut = listing.cut_after()) {
    window.through = *cut;
    window.last = false;
  } else if (to != 0) {
    window.through = to;
    window.last = false;
  } else {
    window.through = std::max(newest, session_.mailbox().uid_next.value_or(1) - 1);
  }
  return window;
}

// Large folders are listed by ranges of UIDs whose width follows how densely they are used.
FolderPoll::Window FolderPoll::next_window(Uid from) {
  const MailboxState& mailbox = session_.mailbox();
  std::uint32_t newest = mailbox.uid_next.value_or(0) - 1;  // all ones when unknown
  bool small = mailbox.exists.value_or(0) <= kSmallFolder || newest < from || newest - from < kSmallFolder;
  Uid to = small || newest - from < span_ || !mailbox.uid_next ? 0 : from + (span_ - 1);
  UidListing listing(from, to, wants());
  auto begun = std::chrono::steady_clock::now();
  Completion end = listing.run(session_);
  auto took = std::chrono::steady_clock::now() - begun;
  if (!end.ok()) {
    throw Failure(FailureKind::kTemporary, FailureScope::kFolder,
                  "folder \"" + mail::printable(folder_.name, 200) + "\": cannot be listed: " + end.text);
  }
  Window window = window_of(listing, to);
  bool slow = took > kSlowListing && took > kSlowSize * window.messages.size();
  if (wants().sizes && !progress_.matching && slow) run_.memory.slow_sizes = true;
  if (window.messages.size() < kSparse && span_ < UINT32_MAX / 4) span_ *= 4;
  if (window.messages.size() > kDense) span_ = std::max<std::uint32_t>(1000, span_ / 2);
  return window;
}

bool FolderPoll::take(Window window) {
  std::vector<Listed>& messages = window.messages;
  leave_out(messages);
  leave_out_copies(messages);
  for (Listed& message : messages) add_labels(message);
  bool whole = !run_.left || messages.size() <= *run_.left;
  if (!whole) {
    window.through = messages[*run_.left].uid - 1;
    messages.resize(*run_.left);
    run_.result.more = true;
  }
  if (run_.left) *run_.left -= messages.size();
  if (!messages.empty()) {
    mail::ByteCount bytes = 0;
    for (const Listed& message : messages) bytes += message.size.value_or(0);
    run_.observer.found(folder_.name, messages.size(), bytes);
  }
  if (run_.dry_run) {
    for (const Listed& message : messages) run_.observer.would_fetch(incoming(message));
    return whole;
  }
  if (run_.mark_retrieved) {
    mark_done(messages);
  } else if (!messages.empty()) {
    download(messages);
  }
  settle(window.through);
  return whole;
}

// By ranges: neighbours in the listing have nothing between them.
void FolderPoll::mark_done(const std::vector<Listed>& messages) {
  std::vector<storage::UidRange> ranges;
  for (const Listed& message : messages) {
    if (!ranges.empty() && ranges.back().last + 1 == message.uid) {
      ranges.back().last = message.uid;
    } else {
      ranges.push_back({message.uid, message.uid});
    }
  }
  run_.ledger.mark_done(run_.settings.name, folder_.name, uid_validity_, ranges);
  if (!ranges.empty()) known_to_ledger_ = true;
  troubles_.gone(troubles_.due());
  run_.result.marked += messages.size();
}

void FolderPoll::leave_out(std::vector<Listed>& messages) {
  std::erase_if(messages, [&](const Listed& message) { return progress_.done(message.uid); });
  leave_out_matched(messages);
  std::erase_if(messages, [&](const Listed& message) {
    if (troubles_.holds(message.uid) && !run_.mark_retrieved) {
      if (!troubles_.stepped_over(message.uid)) hold_back(message.uid);
      return true;
    }
    if (run_.since && message.dated && message.internal_date < *run_.since) {
      hold_back(message.uid);
      return true;
    }
    // QUIRK: Exchange, fetchmail FAQ S2: sizes that are not those of the wire. The body's own tells, unless the user
    // set a limit and a message is not to be begun for nothing.
    if (!limits_size() || message.size.value_or(0) <= max_message_bytes()) return false;
    if (!run_.mark_retrieved) skip(incoming(message), "larger than " + mail::format_size(max_message_bytes()));
    return !run_.mark_retrieved;
  });
}

// After a renumbering: what we have is not fetched again.
void FolderPoll::leave_out_matched(std::vector<Listed>& messages) {
  if (!progress_.matching || run_.dry_run) return;
  std::vector<bool> known;
  for (std::size_t begin = 0; begin < messages.size(); begin += kMatchedAtOnce) {
    std::vector<storage::Shown> shown;
    for (std::size_t i = begin; i < std::min(messages.size(), begin + kMatchedAtOnce); ++i) {
      const Listed& message = messages[i];
      shown.push_back({message.uid, "", message.size.value_or(0), message.message_id,
                       message.dated ? std::optional(message.internal_date) : std::nullopt});
    }
    auto part = run_.ledger.adopt(run_.settings.name, folder_.name, uid_validity_, shown, {});
    known.insert(known.end(), part.begin(), part.end());
  }
  std::size_t index = 0;
  std::erase_if(messages, [&](const Listed&) { return known[index++]; });
}

// What came from another folder already: this one is told of in its history.
void FolderPoll::leave_out_copies(std::vector<Listed>& messages) {
  if (identity_kind() == IdentityKind::kNone || !takes_several_folders() || messages.empty()) return;
  std::vector<std::string> identities;
  for (const Listed& message : messages) identities.push_back(message.identity);
  std::vector<bool> known = run_.ledger.known_identities(run_.settings.name, identities);
  std::vector<storage::Copy> copies;
  std::optional<mail::WallTime> cleanup_at;
  if (run_.settings.after_fetch != retrieval::AfterFetch::kKeep) cleanup_at = run_.now + run_.settings.after;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (known[i]) copies.push_back({incoming(messages[i]).source, messages[i].identity, cleanup_at});
  }
  if (!run_.dry_run && !copies.empty()) {
    run_.ledger.note_copies(copies, run_.now);
    known_to_ledger_ = true;
    if (cleanup_at) {
      for (const storage::Copy& copy : copies) copies_.push_back(copy.source.uid);
    }
    run_.result.copies += copies.size();
  }
  std::size_t index = 0;
  std::vector<Listed> unripe;
  std::erase_if(messages, [&](const Listed& message) {
    bool copy = known[index++];
    if (copy && follows()) unripe.push_back(message);
    return copy;
  });
  note_states(unripe);
}

void FolderPoll::download(const std::vector<Listed>& messages) {
  run_.observer.stage("fetching from " + mail::printable(folder_.name, 200));
  if (run_.hire && run_.settings.connections > 1 && DownloadCrew::is_worth_it(messages)) {
    return download_together(messages);
  }
  BodyDownload body_download(session_, run_.sink, source(), download_options());
  DownloadResult got;
  try {
    got = body_download.run(messages);
  } catch (const Failure& failure) {
    note_interrupted(failure, body_download.under_way());
    if (failure.kind() == FailureKind::kTemporary && body_download.pipelining()) note_drop_in_flight();
    throw;
  }
  took(got, messages);
}

// The same by several connections.
void FolderPoll::download_together(const std::vector<Listed>& messages) {
  if (!crew_) {
    const std::size_t connections = std::min<std::size_t>(run_.settings.connections, kMaxConnections);
    crew_.emplace(session_, folder_, uid_validity_, run_.hire, connections - 1);
  }
  DownloadResult got;
  try {
    got = crew_->run(messages, run_.sink, source(), download_options());
  } catch (const Failure& failure) {
    note_interrupted(failure, crew_->under_way());
    if (failure.kind() == FailureKind::kTemporary && crew_->pipelining()) note_drop_in_flight();
    throw;
  }
  for (const std::string& trouble : crew_->take_troubles()) {
    warn("a further connection for the download was given up: " + trouble);
  }
  took(got, messages);
}

void FolderPoll::took(const DownloadResult& got, const std::vector<Listed>& messages) {
  run_.memory.drops_in_flight = 0;
  count(got);
  note_states(messages);
  unflushed_ = unflushed_ || got.fetched > 0;
  note_missing(got);
}

// One that was expunged meanwhile is not listed again and so forgotten.
void FolderPoll::note_missing(const DownloadResult& got) {
  if (got.missing.empty()) return;
  warn(std::to_string(got.missing.size()) + " message(s) were listed but not delivered, first UID " +
       std::to_string(got.missing.front().uid) + ": " + got.missing.front().reason);
  for (const auto& missing : got.missing) hold_back(missing.uid);
  bool stepped = false;
  for (const auto& missing : got.missing) stepped = troubles_.note(missing.uid, missing.reason) || stepped;
  if (stepped) ++run_.result.skipped;
}

// The connection broke while this message came in. Whoever is at fault: it is asked for alone and last next time, so
// that it cannot keep the others out.
void FolderPoll::note_interrupted(const Failure& failure, std::optional<Uid> uid) {
  bool of_connection = failure.kind() == FailureKind::kTemporary || failure.kind() == FailureKind::kProtocol ||
                       failure.kind() == FailureKind::kLimit;
  if (!uid || !of_connection || failure.scope() == FailureScope::kAccount || failure.scope() == FailureScope::kProcess)
    return;
  if (auto next = session_.mailbox().uid_next; next && *uid >= *next) return;
  if (progress_.done(*uid) && !troubles_.stepped_over(*uid)) return;
  troubles_.note(*uid, failure.text());
}

// QUIRK: Exchange, mbsync(1): hangs up when several commands are under way. Once may be the line's fault.
void FolderPoll::note_drop_in_flight() {
  if (++run_.memory.drops_in_flight < 2) return;
  run_.memory.unpipelined = true;
  warn("the connection broke twice with several commands under way: they are sent one by one from now on");
}

// Alone, one after the other, when everything else is safe.
void FolderPoll::retry_troubles() {
  if (run_.dry_run || run_.mark_retrieved || (run_.left && *run_.left == 0)) return;
  std::vector<Uid> due = troubles_.due();
  if (due.empty()) return;
  if (run_.left && due.size() > *run_.left) due.resize(*run_.left);
  UidListing listing(due, wants());
  if (!listing.run(session_).ok()) return warn("messages in trouble cannot be listed");
  std::vector<Listed> messages = listing.take();
  std::vector<Uid> gone;
  for (Uid uid : due) {
    bool there =
        std::any_of(messages.begin(), messages.end(), [&](const Listed& message) { return message.uid == uid; });
    if (!there) gone.push_back(uid);
  }
  troubles_.gone(gone);
  for (Listed& message : messages) {
    std::vector<Listed> sole;
    sole.push_back(std::move(message));
    download(sole);
    settle(progress_.done_through);
  }
}

}  // namespace mailstead::imap
